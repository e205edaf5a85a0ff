import { withMarkedPart } from '../sim/command/marked-part.ts'
import { isMet, numberText, type Reading, type Row } from './row.ts'

export interface Result {
  readonly row: Row
  readonly reading: Reading
}

const NO_TARGET = '-'

/** For people: one line a row with value, rounds, target and verdict; below it what is behind it. */
export function table(results: readonly Result[]): string {
  const cells = results.map(({ row, reading }) => [
    row.name,
    valueText(row, reading),
    reading.type === 'figure' ? `${numberText(reading.least)} .. ${numberText(reading.most)}` : '',
    targetText(row),
    verdict(row, reading),
  ])
  const head = ['row', 'value', 'rounds', 'target', 'verdict']
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  )
  const line = (texts: readonly string[]) =>
    texts
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  const lines = results.flatMap(({ row, reading }, index) => [
    line(cells[index] ?? []),
    `    ${row.measures}`,
    `    ${reading.type === 'figure' ? reading.note : `skipped: ${reading.reason}`}`,
  ])
  return [line(head), ...lines].join('\n')
}

/** For machines: one line of JSON. `value` and `met` are null where there is nothing to say. */
export function jsonLine(results: readonly Result[]): string {
  const rows = results.map(({ row, reading }) => ({
    name: row.name,
    value: reading.type === 'figure' ? Number(reading.median.toPrecision(4)) : null,
    target: targetText(row),
    met: isMet(row, reading),
  }))
  return JSON.stringify({ rows })
}

/** How many targets are met, missed, and could not be looked at. */
export function summary(results: readonly Result[]): string {
  const verdicts = results.filter(({ row }) => row.target).map((one) => isMet(one.row, one.reading))
  const count = (wanted: boolean | null) => verdicts.filter((met) => met === wanted).length
  return `${count(true)} targets met, ${count(false)} missed, ${count(null)} skipped`
}

/** A document with each row's table between the marks of the row: verdict, what the figures belong to, table. */
export function withTables(text: string, results: readonly Result[], about: string): string {
  return results.reduce((document, { row, reading }) => {
    if (row.mark === undefined || reading.type === 'skipped' || !reading.table) return document
    const found = `${row.measures}: ${valueText(row, reading)}, target ${targetText(row)}: ${verdict(row, reading)}.`
    return withMarkedPart(document, row.mark, ['', `${about}\n${found}`, '', ...reading.table, ''])
  }, text)
}

/** `≥ 0.8`, `≤ 250`, or `-`. */
function targetText({ target }: Row): string {
  if (target === undefined) return NO_TARGET
  return 'atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`
}

function valueText(row: Row, reading: Reading): string {
  return reading.type === 'figure' ? `${numberText(reading.median)} ${row.unit}` : NO_TARGET
}

function verdict(row: Row, reading: Reading): string {
  if (reading.type === 'skipped') return 'skipped'
  const met = isMet(row, reading)
  return met === null ? '' : met ? 'met' : 'MISSED'
}
