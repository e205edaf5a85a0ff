import { readFile, writeFile } from 'node:fs/promises'
import { SCENARIOS } from '../scenarios/all.ts'
import { tokensText } from './number-text.ts'
import { isGood, type Told, worstOf } from './verdict.ts'

// The table of docs/guarantees.md that says what each scenario may cost and what it did cost.

const BEGIN = '<!-- scenarios:begin -->'
const END = '<!-- scenarios:end -->'
const HEAD = `| scenario | what happens | bound | tokens | worst | of the bound | seed | of | verdict |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |`
const LINE =
  /^\| `([^`]+)` \| [^|]+ \| ([^|]+) \| ([\d.,]+) \| ([\d.,]+) \| [^|]+ \| (\d+) \| (\d+) \| (\w+) \|$/

/** One line of the table, read back. */
export interface TableRow {
  readonly scenario: string
  readonly formula: string
  readonly bound: string
  readonly worst: string
  readonly seed: number
  readonly seeds: number
  readonly verdict: string
}

/** Replaces the table in a file. @throws Error if the file has no marks for it. */
export async function writeTable(file: string, told: readonly Told[]): Promise<void> {
  await writeFile(file, withTable(await readFile(file, 'utf8'), told))
}

export function withTable(text: string, told: readonly Told[]): string {
  const { before, after } = around(text)
  return `${before}${BEGIN}\n${HEAD}\n${told.map(lineOf).join('\n')}\n${END}${after}`
}

export function rowsIn(text: string): TableRow[] {
  return around(text)
    .table.split('\n')
    .flatMap((line) => {
      const [, scenario, formula, bound, worst, seed, seeds, verdict] = LINE.exec(line) ?? []
      if (scenario === undefined || formula === undefined || bound === undefined) return []
      const numbers = { seed: Number(seed), seeds: Number(seeds) }
      return [{ scenario, formula, bound, worst: worst ?? '', ...numbers, verdict: verdict ?? '' }]
    })
}

function lineOf({ formula, rows }: Told): string {
  const { scenario, bound, overshoot, seed } = worstOf(rows)
  const story = SCENARIOS.find(({ name }) => name === scenario)?.story ?? ''
  const tightness = bound > 0 ? `${Math.floor((overshoot / bound) * 100)} %` : '-'
  const verdict = rows.every(isGood) ? 'within' : 'violated'
  const tokens = `${tokensText(bound)} | ${tokensText(overshoot)} | ${tightness}`
  return `| \`${scenario}\` | ${story} | ${formula} | ${tokens} | ${seed} | ${rows.length} | ${verdict} |`
}

function around(text: string): { before: string; table: string; after: string } {
  const [before, rest] = text.split(BEGIN)
  const [table, after] = rest?.split(END) ?? []
  if (before === undefined || table === undefined || after === undefined) {
    throw new Error(`the file has no ${BEGIN} … ${END} to write the table between: add both lines`)
  }
  return { before, table, after }
}
