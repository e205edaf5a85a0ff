import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Report } from '../../sim/charts/report.ts'
import { renderChart } from '../../sim/report/render-chart.ts'
import { renderPictures } from '../../sim/report/render-picture.ts'
import { writeReport } from '../../sim/report/write-report.ts'
import { sampleFigures } from './charts-samples.ts'

const hostile = `</style><script>alert("x")</script><img src='http://x.test/y'>&amp;`
const escaped =
  '&lt;/style&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&lt;img src=&#39;http://x.test/y&#39;&gt;&amp;amp;'

const report: Report = {
  title: 'A split of three nodes',
  lead: 'The cluster stayed inside its bound.',
  command: 'weir sim partition --seed 7',
  facts: [{ label: 'worst overshoot, tokens', value: '51' }],
  figures: sampleFigures,
  tables: [
    {
      title: 'Scenarios',
      columns: [{ label: 'scenario' }, { label: 'events' }, { label: 'seed', align: 'left' }],
      rows: [['steady', 1234567, 3]],
    },
  ],
}

const folder = mkdtempSync(join(tmpdir(), 'weir-report-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const written = await writeReport(report, join(folder, 'new', 'one'))
const [pagePath = '', dataPath = ''] = written
const html = readFileSync(pagePath, 'utf8')

describe('a written report', () => {
  test('has a page, its data, and two pictures of each figure', () => {
    const names = written.map((path) => path.slice(join(folder, 'new', 'one').length + 1))
    const pictures = sampleFigures.flatMap(({ id }) => [`${id}.svg`, `${id}.png`])
    expect(names).toEqual(['index.html', 'report.json', ...pictures])
  })

  test('keeps its data as they were', () => {
    expect(JSON.parse(readFileSync(dataPath, 'utf8'))).toEqual(report)
  })

  test('is the same file when written again', async () => {
    await writeReport(report, join(folder, 'two'))
    for (const name of ['index.html', 'bounds.svg', 'bounds.png']) {
      const first = readFileSync(join(folder, 'new', 'one', name))
      expect(first.equals(readFileSync(join(folder, 'two', name)))).toBe(true)
    }
  })
})

describe('the page', () => {
  test('says everything, once each figure', () => {
    for (const { title, caption } of sampleFigures) {
      expect(html).toContain(`>${title}</h2>`)
      expect(html).toContain(`>${caption}</p>`)
    }
    expect(html.match(/<svg /g)).toHaveLength(sampleFigures.length)
    expect(html).toContain('<code>weir sim partition --seed 7</code>')
    expect(html).toContain('<dt>worst overshoot, tokens</dt><dd>51</dd>')
    expect(html).toContain('<td class="right">1,234,567</td><td class="left">3</td>')
  })

  test('needs nothing from anywhere: no script, no link, no address but names of XML vocabularies', () => {
    expect(html).not.toMatch(/<script|<link|<img|<iframe|@import|\ssrc=/i)
    const addresses =
      html.replace(/base64,[^)]*/g, '').match(/(?:https?:)?\/\/[a-z][^\s"')]*/gi) ?? []
    expect(new Set(addresses)).toEqual(
      new Set(['http://www.w3.org/2000/svg', 'http://www.w3.org/1999/xlink']),
    )
    const loaded = html.match(/url\([^)]{0,20}/g) ?? []
    expect(loaded.filter((it) => !/^url\((#|data:font\/woff2)/.test(it))).toEqual([])
  })

  test('has each id once, and none that is missing', () => {
    const ids = Array.from(html.matchAll(/\bid="([^"]+)"/g), ([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const used = Array.from(html.matchAll(/url\(#([^)]+)\)/g), ([, id]) => id)
    expect(used.length).toBeGreaterThan(0)
    expect(used.filter((id) => !ids.includes(id))).toEqual([])
  })

  test('follows a dark screen, and stays light on paper', () => {
    expect(html).toContain('@media screen and (prefers-color-scheme: dark)')
    expect(html).toContain('@media print')
  })

  test('shows hostile text as text, wherever it stands', async () => {
    const [figure] = sampleFigures
    if (figure === undefined) throw new Error('no sample')
    const paths = await writeReport(
      {
        title: hostile,
        lead: hostile,
        command: hostile,
        facts: [{ label: hostile, value: hostile }],
        figures: [{ ...figure, title: hostile, caption: hostile }],
        tables: [
          { title: hostile, caption: hostile, columns: [{ label: hostile }], rows: [[hostile]] },
        ],
      },
      join(folder, 'hostile'),
    )
    const page = readFileSync(paths[0] ?? '', 'utf8')
    expect(page).not.toMatch(/<script|<img/)
    expect(page.split(escaped)).toHaveLength(1 + 12)
    expect(readFileSync(join(folder, 'hostile', `${figure.id}.svg`), 'utf8')).not.toMatch(/<script/)
  })
})

describe('a picture', () => {
  const png = readFileSync(join(folder, 'new', 'one', 'bounds.png'))
  const svg = readFileSync(join(folder, 'new', 'one', 'bounds.svg'), 'utf8')

  test('is a PNG of twice the size of the drawing, which has the title in it', () => {
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg) ?? []
    expect(png.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a')
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([
      2 * Number(width),
      2 * Number(height),
    ])
    expect(svg).toContain('>Worst overshoot beside its bound</text>')
  })

  test('has its text in it, in two weights, Latin and Greek, on a machine without fonts', async () => {
    const drawing = (text: string, weight: number) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20"><text y="15" font-family="Inter" font-weight="${weight}">${text}</text></svg>`
    const pictures = await renderPictures([
      drawing('', 400),
      drawing('weir', 400),
      drawing('weir', 700),
      drawing('ΔΔΔΔ', 400),
    ])
    const different = new Set(pictures.map((picture) => picture.toString('base64')))
    expect(different.size).toBe(4)
  })
})

describe('a report that cannot be written', () => {
  const small: Report = { ...report, figures: [], tables: [] }

  test('says that a file is in the way, and what to do', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    await expect(writeReport(small, file)).rejects.toThrow(
      `cannot write the report to ${file}: a file has that name: choose another directory, or move the file away`,
    )
    await expect(writeReport(small, join(file, 'below'))).rejects.toThrow(
      'choose another directory',
    )
  })

  test('names the figure that cannot be drawn, and writes nothing', async () => {
    const figures = [{ id: 'broken', title: 'x', caption: 'x', spec: { mark: 'nothing' } }]
    const place = join(folder, 'broken')
    await expect(writeReport({ ...small, figures }, place)).rejects.toThrow(/figure 'broken'/)
    expect(() => readFileSync(join(place, 'index.html'))).toThrow('ENOENT')
  })

  test('names the row with too few cells, and ids that are no file names or not unique', async () => {
    const table = { title: 'T', columns: [{ label: 'a' }, { label: 'b' }], rows: [[1, 2], [1]] }
    await expect(writeReport({ ...small, tables: [table] }, folder)).rejects.toThrow(
      "table 'T', row 2: 1 cells for 2 columns",
    )
    const figure = { id: '../up', title: 'x', caption: 'x', spec: {} }
    await expect(writeReport({ ...small, figures: [figure] }, folder)).rejects.toThrow(
      /id names files/,
    )
    const twice = [figure, figure].map((it) => ({ ...it, id: 'one' }))
    await expect(writeReport({ ...small, figures: twice }, folder)).rejects.toThrow(/there twice/)
  })
})

test('a drawing has no title of its own inside a page', async () => {
  const [figure] = sampleFigures
  expect(await renderChart(figure?.spec ?? {})).not.toContain(figure?.title)
})
