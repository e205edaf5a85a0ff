import type { Terminal } from './terminal.ts'

/** How answers are printed: one line of JSON for programs, or a table for people. */
export const OUTPUT_FORMATS = ['json', 'table'] as const
export type OutputFormat = (typeof OUTPUT_FORMATS)[number]

const GAP = '   '

/** Columns as wide as their widest cell, the heading marked where a person reads it. */
export function renderTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  terminal: Pick<Terminal, 'bold'>,
): string[] {
  const [first = '', ...others] = columns([heading, ...rows])
  return [terminal.bold(first), ...others]
}

/** Rows whose cells stand below each other. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    }
  }
  return rows.map((row) => {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    return cells.join(GAP).trimEnd()
  })
}
