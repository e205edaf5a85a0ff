import { constants } from 'node:fs'
import { access, readFile, writeFile } from 'node:fs/promises'
import { CommandError } from '../../src/cli/exit-code.ts'
import { SCENARIOS } from '../scenarios/all.ts'
import { markedPart, withMarkedPart } from './marked-part.ts'
import { tokensText } from './number-text.ts'
import { isGood, type Told, worstOf } from './verdict.ts'

// The table of docs/guarantees.md that says what each scenario may cost and what it did cost.

const MARK = 'scenarios'
const HEAD = [
  '| scenario | what happens | bound | tokens | worst | of the bound | seed | of | verdict |',
  '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |',
]
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

/** Whether the table can be written, before anybody waits for what goes into it. @throws CommandError */
export async function assertMarked(file: string): Promise<void> {
  try {
    markedPart(await readFile(file, 'utf8'), MARK)
    await access(file, constants.W_OK)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(`cannot write the table into ${file}: ${why}`, {
      exit: 'configuration',
      cause,
    })
  }
}

/** Writes lines of the table in a file. @throws Error if the file has no marks for it. */
export async function writeTable(file: string, told: readonly Told[]): Promise<void> {
  await writeFile(file, withTable(await readFile(file, 'utf8'), told))
}

/** Lines of scenarios that were not run stay as they are. */
export function withTable(text: string, told: readonly Told[]): string {
  const lines = new Map(
    markedPart(text, MARK)
      .part.split('\n')
      .map((line) => [LINE.exec(line)?.[1], line]),
  )
  for (const one of told) lines.set(worstOf(one.rows).scenario, lineOf(one))
  return withMarkedPart(text, MARK, [
    ...HEAD,
    ...SCENARIOS.flatMap(({ name }) => lines.get(name) ?? []),
  ])
}

export function rowsIn(text: string): TableRow[] {
  return markedPart(text, MARK)
    .part.split('\n')
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
