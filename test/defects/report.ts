import type { Defect } from './defect.ts'
import type { Found, Hunted } from './hunt.ts'

/** What came of looking for one defect. */
export interface Result {
  readonly defect: Defect
  readonly hunted: Hunted
  readonly tookMs: number
}

/** The same in short. */
export interface Row {
  readonly name: string
  readonly breaks: string
  readonly runs: number
  readonly seconds: number
  /** Undefined if the defect escaped. */
  readonly caught: Caught | undefined
}

export interface Caught {
  readonly invariant: number
  readonly oracle: string
  /** The scenario, or `swarm`. */
  readonly by: string
  readonly seed: number
}

export function rowOf({ defect, hunted, tookMs }: Result): Row {
  const { name, breaks } = defect
  const [first] = hunted.found
  const seconds = Math.round(tookMs / 100) / 10
  return { name, breaks, runs: hunted.runs, seconds, caught: first && caughtBy(first) }
}

function caughtBy({ trial, violation }: Found): Caught {
  const { invariant, oracle } = violation
  return { invariant, oracle, by: trial.name, seed: trial.seed }
}

/** One line for the core without defects, and one for each thing found in it. */
export function controlText({ found, runs }: Hunted, seeds: number): string {
  const verdict = found.length === 0 ? 'nothing violated' : `${found.length} violations`
  return [`no defect: ${verdict} in ${runs} runs of ${seeds} seeds`, ...found.map(foundText)].join(
    '\n',
  )
}

export function resultText({ defect, hunted, tookMs }: Result): string {
  const [first] = hunted.found
  const effort = `${runsText(hunted.runs)}, ${(tookMs / 1_000).toFixed(1)} s`
  const unsound = new Set(hunted.unsound.map(({ trial: { name, seed } }) => `${name} ${seed}`))
  const ignored =
    unsound.size === 0 ? '' : `\n    found without the defect, too: ${[...unsound].join(', ')}`
  if (first === undefined) return `${defect.name}: ESCAPED after ${effort}${ignored}`
  return `${defect.name}: caught after ${effort}\n${foundText(first)}${ignored}`
}

function foundText({ trial, violation }: Found): string {
  const { invariant, oracle, atMs, what } = violation
  return `    ${trial.name}, seed ${trial.seed}, at ${atMs} ms: invariant ${invariant}, ${oracle}: ${what}`
}

/** For people: a line for each defect. */
export function table(rows: readonly Row[]): string {
  const cells = [
    ['defect', 'invariant', 'oracle', 'in', 'seed', 'runs', 'seconds'],
    ...rows.map(({ name, runs, seconds, caught }) => [
      name,
      caught === undefined ? 'ESCAPED' : String(caught.invariant),
      caught?.oracle ?? '',
      caught?.by ?? '',
      caught === undefined ? '' : String(caught.seed),
      String(runs),
      seconds.toFixed(1),
    ]),
  ]
  const widths = (cells[0] as string[]).map((_, column) =>
    Math.max(...cells.map((line) => (line[column] as string).length)),
  )
  return cells
    .map((line) => line.map((text, column) => text.padEnd(widths[column] as number)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n')
}

export function summary(rows: readonly Row[]): string {
  const caught = rows.filter((row) => row.caught !== undefined).length
  return `${caught} of ${rows.length} defects caught`
}

function runsText(runs: number): string {
  return runs === 1 ? '1 run' : `${runs} runs`
}
