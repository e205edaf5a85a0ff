import type { Row } from './report.ts'

// The table of docs/guarantees.md that says which defect was caught by what.

const BEGIN = '<!-- defects:begin -->'
const END = '<!-- defects:end -->'
const HEAD = '| defect | what it breaks | caught by | in | runs |\n| --- | --- | --- | --- | --- |'
const LINE = /^\| `([^`]+)` \| .* \| ([^|]+) \| [^|]+ \| [^|]+ \|$/

/**
 * The text with the table of these rows between its marks.
 *
 * @throws Error if the marks are not there.
 */
export function withTable(text: string, rows: readonly Row[]): string {
  const { before, after } = around(text)
  return `${before}${BEGIN}\n${HEAD}\n${rows.map(lineOf).join('\n')}\n${END}${after}`
}

/** The defects that the table lists, by name, and whether each was caught. */
export function listedIn(text: string): { readonly name: string; readonly caught: boolean }[] {
  return around(text)
    .table.split('\n')
    .flatMap((line) => {
      const [, name, by] = LINE.exec(line) ?? []
      return name === undefined || by === undefined ? [] : [{ name, caught: by !== ESCAPED }]
    })
}

const ESCAPED = 'nothing'

function lineOf({ name, breaks, runs, caught }: Row): string {
  const by = caught === undefined ? ESCAPED : `${caught.invariant}: ${caught.oracle}`
  const where = caught === undefined ? 'anything' : `${caught.by}, seed ${caught.seed}`
  return `| \`${name}\` | ${breaks} | ${by} | ${where} | ${runs} |`
}

function around(text: string): { before: string; table: string; after: string } {
  const [before, rest] = text.split(BEGIN)
  const [table, after] = rest?.split(END) ?? []
  if (before === undefined || table === undefined || after === undefined) {
    throw new Error(`there is no ${BEGIN} … ${END} to write the table to`)
  }
  return { before, table, after }
}
