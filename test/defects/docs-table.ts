import { markedPart, withMarkedPart } from '../../sim/command/marked-part.ts'
import type { Row } from './report.ts'

// The table of docs/guarantees.md that says which defect was caught by what.

const MARK = 'defects'
const HEAD = [
  '| defect | what it breaks | caught by | in | runs |',
  '| --- | --- | --- | --- | --- |',
]
const LINE = /^\| `([^`]+)` \| .* \| ([^|]+) \| [^|]+ \| [^|]+ \|$/

/**
 * The text with the table of these rows between its marks.
 *
 * @throws Error if the marks are not there.
 */
export function withTable(text: string, rows: readonly Row[]): string {
  return withMarkedPart(text, MARK, [...HEAD, ...rows.map(lineOf)])
}

/** The defects that the table lists, by name, and whether each was caught. */
export function listedIn(text: string): { readonly name: string; readonly caught: boolean }[] {
  return markedPart(text, MARK)
    .part.split('\n')
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
