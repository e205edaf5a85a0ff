import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../charts/report.ts'
import { pageFonts } from './fonts.ts'
import { page } from './page.ts'
import { renderChart } from './render-chart.ts'
import { renderPictures } from './render-picture.ts'
import { messageOf, unwritable } from './unwritable.ts'

/** What a figure may be called: its files have that name, and a page its anchors. */
const FIGURE_ID = /^[a-z0-9]+(-[a-z0-9]+)*$/

/**
 * Writes a report into a directory, which is made if it is not there: `index.html`, a page with everything in it;
 * `<id>.svg` and `<id>.png`, each figure on its own; and `report.json`, the data. Files of these names are replaced.
 *
 * @returns The paths written, the page first.
 * @throws If the report is not well formed, a figure cannot be drawn, or the directory cannot be written to; the
 * message says how to mend it. Nothing is written before everything is drawn.
 */
export async function writeReport(report: Report, directory: string): Promise<readonly string[]> {
  checkReport(report)
  const inPage: string[] = []
  const alone: string[] = []
  for (const { id, title, spec } of report.figures) {
    try {
      inPage.push(await renderChart(spec))
      alone.push(await renderChart(spec, title))
    } catch (error) {
      throw new Error(`figure '${id}' cannot be drawn: ${messageOf(error)}`, { cause: error })
    }
  }
  const pictures = await renderPictures(alone)
  const files: (readonly [name: string, content: string | Uint8Array])[] = [
    ['index.html', page(report, inPage, await pageFonts())],
    ['report.json', `${JSON.stringify(report, null, 2)}\n`],
    ...report.figures.flatMap(({ id }, index): [string, string | Uint8Array][] => [
      [`${id}.svg`, alone[index] ?? ''],
      [`${id}.png`, pictures[index] ?? ''],
    ]),
  ]
  try {
    await mkdir(directory, { recursive: true })
    for (const [name, content] of files) await writeFile(join(directory, name), content)
  } catch (error) {
    throw new Error(unwritable(directory, error), { cause: error })
  }
  return files.map(([name]) => join(directory, name))
}

function checkReport({ figures, tables }: Report): void {
  const seen = new Set<string>()
  for (const { id } of figures) {
    if (!FIGURE_ID.test(id)) {
      throw new Error(
        `figure '${id}': an id names files: use lower-case letters, digits and dashes`,
      )
    }
    if (seen.has(id)) throw new Error(`figure '${id}' is there twice: give each its own id`)
    seen.add(id)
  }
  for (const { title, columns, rows } of tables) {
    const wrong = rows.findIndex((row) => row.length !== columns.length)
    if (wrong >= 0) {
      const cells = rows[wrong]?.length
      throw new Error(
        `table '${title}', row ${wrong + 1}: ${cells} cells for ${columns.length} columns`,
      )
    }
  }
}
