import { expect } from 'vitest'
import type { Json } from '../../sim/charts/chart-spec.ts'
import type { Report } from '../../sim/charts/report.ts'
import type { Study, StudyOptions } from '../../sim/studies/study.ts'

/** Runs a study, and notes how far it said it was. */
export function runStudy(
  study: Study,
  options: Omit<StudyOptions, 'command'>,
): { readonly report: Report; readonly shares: readonly number[] } {
  const shares: number[] = []
  const command = `npm run sim -- ${study.name} --seed ${options.seed}`
  const report = study.run({ ...options, command }, ({ share }) => shares.push(share))
  return { report, shares }
}

/** Everything a figure says in words, and the titles of its axes. */
export function textOf(report: Report, id: string): string {
  const figure = report.figures.find((one) => one.id === id)
  if (figure === undefined) throw new Error(`there is no figure ${id}`)
  return JSON.stringify(figure.spec)
}

export function columnOf(report: Report, table: string, label: string): (string | number)[] {
  const found = report.tables.find(({ title }) => title === table)
  const at = found?.columns.findIndex((column) => column.label === label) ?? -1
  if (found === undefined || at < 0) throw new Error(`there is no column ${label} in ${table}`)
  return found.rows.map((row) => row[at] ?? '')
}

/** A unit, or what is counted. */
const UNIT =
  /, (s|ms|tokens|peers)$|^tokens|^nodes|^messages per check$|^accuracy$|^admissions that/

/** What every report has to have. */
export function expectReadable(report: Report, command: string): void {
  expect(report.command).toBe(command)
  expect(report.lead.length).toBeGreaterThan(100)
  expect(report.facts.length).toBeGreaterThan(2)
  const words = JSON.stringify([report.lead, report.facts, report.tables, report.figures])
  expect(words).not.toMatch(/NaN|undefined|Infinity|null,null/)
  expect(new Set(report.figures.map(({ id }) => id)).size).toBe(report.figures.length)
  for (const { id, spec } of report.figures) {
    const titles = axisTitles(spec)
    // A heat map has no axis of numbers, and says above it what is in its cells.
    const inCells = JSON.stringify(spec).match(/in each cell: [^"]*/)?.[0]
    if (inCells === undefined) expect(titles.length, id).toBeGreaterThan(0)
    else expect(inCells, id).toMatch(/ms$|%|tokens$|per node and second$/)
    for (const title of titles) expect(title, id).toMatch(UNIT)
  }
  for (const { title, columns, rows } of report.tables) {
    expect(rows.length, title).toBeGreaterThan(0)
    for (const row of rows) expect(row, title).toHaveLength(columns.length)
  }
}

/** Of axes along which numbers lie. */
function axisTitles(spec: Json): string[] {
  if (typeof spec !== 'object' || spec === null) return []
  if (Array.isArray(spec)) return spec.flatMap(axisTitles)
  const inside = Object.values(spec).flatMap(axisTitles)
  const { type, title } = spec as { readonly type?: Json; readonly title?: Json }
  return type === 'quantitative' && typeof title === 'string' ? [title, ...inside] : inside
}
