import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError, type ExitCode } from '../../src/cli/exit-code.ts'
import { columns } from '../../src/cli/output.ts'
import { addSituations, SITUATIONS, type Situations } from '../coverage.ts'
import type { Violation } from '../oracle.ts'
import { drawExperiment } from '../swarm/draw.ts'
import { type Regression, regressionName } from '../swarm/regression.ts'
import type { Context } from './context.ts'
import type { Row } from './job.ts'
import { countText, tokensText } from './number-text.ts'
import { Pool } from './pool.ts'
import { Progress } from './progress.ts'
import { repeatSwarm } from './repeat.ts'
import { complaints, said, verdictOf, worstOf } from './verdict.ts'

export interface SwarmWish {
  readonly seed: number
  readonly seeds: number
  /** Goes on for so long, however many seeds that are. */
  readonly minutes: number | undefined
  readonly nodes: number | undefined
  readonly json: boolean
  /** Where experiments that fail are kept; default the repository's regressions, if this is one. */
  readonly save: string | undefined
}

/** With fewer seeds it is no wonder that some situation did not come up. */
const SEEDS_THAT_COVER = 500
const REGRESSIONS = 'test/sim/regressions'
/** Of each kind of violation the first is made smaller, of so many kinds. */
const KINDS_SHRUNK = 5

/** Random experiments, one for each seed. */
export async function runSwarm(wish: SwarmWish, context: Context): Promise<ExitCode> {
  const { terminal } = context
  const pool = new Pool(context.threads)
  const progress = new Progress(context.screen, () => pool.underWay)
  try {
    const repeat = (row: Row) => repeatSwarm(context.caller, row.seed, wish.nodes)
    const finished = (row: Row) => {
      progress.add(row)
      if (row.violations.length === 0) return
      context.screen.clear()
      for (const line of complaints(row, repeat(row))) terminal.complain(line)
    }
    const rows = await fly(wish, context, pool, progress, finished)
    const coverage = addSituations(rows.map((row) => row.coverage))
    if (wish.json) {
      const worst = worstOf(rows)
      const violations = rows.flatMap((row) => row.violations)
      const verdict = verdictOf(worst, repeat(worst))
      terminal.print(JSON.stringify({ ...verdict, seeds: rows.length, coverage, violations }))
    } else {
      for (const line of summaryLines(rows, coverage, progress)) terminal.print(line)
    }
    const violating = rows.filter(({ violations }) => violations.length > 0)
    await keepSmallest(violating, wish, context, pool)
    const missing = missingSituations(rows.length, coverage)
    if (missing.length > 0) {
      terminal.complain(`${rows.length} seeds and never seen: ${missing.join(', ')}`)
    }
    return violating.length + missing.length === 0 ? 'ok' : 'failure'
  } finally {
    progress.end()
    await pool.close()
  }
}

/** Rows in order of seeds. */
async function fly(
  { seed, seeds, minutes, nodes }: SwarmWish,
  { threads }: Context,
  pool: Pool,
  progress: Progress,
  finished: (row: Row) => void,
): Promise<Row[]> {
  const untilMs = minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60_000
  const seedsMax = minutes === undefined ? seeds : Number.POSITIVE_INFINITY
  progress.measureBy(() => Math.max(progress.done / seedsMax, progress.elapsedMs / untilMs))
  const rows: Row[] = []
  let begun = 0
  const lane = async () => {
    while (begun < seedsMax && progress.elapsedMs < untilMs) {
      const index = begun++
      const result = await pool.run({ type: 'swarm', seed: seed + index, nodes })
      if (result.type !== 'row') throw new Error(`a seed gives a row, not ${result.type}`)
      rows[index] = result.row
      finished(result.row)
    }
  }
  await Promise.all(Array.from({ length: threads }, lane))
  progress.end()
  return rows
}

/** Makes the first failure of each kind smaller, and saves it. */
async function keepSmallest(
  rows: readonly Row[],
  wish: SwarmWish,
  { terminal, caller }: Context,
  pool: Pool,
): Promise<void> {
  const kinds = new Map<string, { readonly row: Row; readonly violated: Violation }>()
  for (const row of rows) {
    for (const violated of row.violations) {
      const kind = `${violated.invariant} ${violated.oracle}`
      if (!kinds.has(kind)) kinds.set(kind, { row, violated })
    }
  }
  const chosen = [...kinds.values()].slice(0, KINDS_SHRUNK)
  if (chosen.length === 0) return
  terminal.complain(`making ${chosen.length === 1 ? 'the failure' : 'the failures'} smaller …`)
  const options = wish.nodes === undefined ? {} : { nodes: wish.nodes }
  const jobs = chosen.map(({ row, violated }) =>
    pool.run({ type: 'shrink', experiment: drawExperiment(row.seed, options), violated }),
  )
  for (const job of jobs) {
    const result = await job
    if (result.type !== 'shrunk')
      throw new Error(`shrinking gives an experiment, not ${result.type}`)
    const { experiment, violated } = result
    const file = save({ experiment, violated }, wish.save)
    const { faults, workload, nodes } = experiment
    terminal.complain(
      `${file}: ${countText(faults.length)} faults, ${workload.length} flows, ${nodes} nodes; ${said(violated)}`,
    )
    terminal.complain(`  again: ${caller} run ${file}`)
  }
}

function save(regression: Regression, wanted: string | undefined): string {
  const folder = wanted ?? (existsSync(REGRESSIONS) ? REGRESSIONS : '.')
  const file = join(folder, regressionName(regression))
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, `${JSON.stringify(regression, null, 2)}\n`)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(`cannot save ${file}: ${why}`, { exit: 'configuration', cause })
  }
  return file
}

function missingSituations(seeds: number, coverage: Situations): string[] {
  if (seeds < SEEDS_THAT_COVER) return []
  return SITUATIONS.filter((situation) => coverage[situation] === 0)
}

function summaryLines(rows: readonly Row[], coverage: Situations, progress: Progress): string[] {
  const bounded = rows.filter(({ bound }) => bound > 0)
  const tightest = bounded.reduce((most, row) => Math.max(most, row.overshoot / row.bound), 0)
  const highest = rows.reduce((most, row) => Math.max(most, row.overshoot), 0)
  return [
    ...columns(SITUATIONS.map((situation) => [situation, countText(coverage[situation])])),
    '',
    `${countText(rows.filter(({ violations }) => violations.length > 0).length)} of ${countText(rows.length)} seeds violated something`,
    `worst overshoot ${tokensText(highest)} tokens, at most ${Math.floor(tightest * 100)}% of its bound`,
    progress.summary,
  ]
}
