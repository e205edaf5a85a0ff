import type { ExitCode } from '../../src/cli/exit-code.ts'
import { SCENARIOS } from '../scenarios/all.ts'
import type { Setting } from '../scenarios/scenario.ts'
import { type Context, givenCommand } from './context.ts'
import type { Row } from './job.ts'
import { scenarioCalled } from './job.ts'
import { scenarioExperiment } from './one-experiment.ts'
import { Pool } from './pool.ts'
import { Progress } from './progress.ts'
import { repeatScenario } from './repeat.ts'
import { assertWritable, writePictures } from './report-folder.ts'
import { scenarioReport } from './scenario-report.ts'
import { assertMarked, writeTable } from './scenario-table.ts'
import { complaints, isGood, type Told, tableOf, verdictOf, worstOf } from './verdict.ts'

export interface ScenarioWish {
  /** Undefined for all of them. */
  readonly name: string | undefined
  /** The first of so many seeds. */
  readonly seed: number
  readonly seeds: number
  readonly setting: Partial<Setting>
  readonly json: boolean
  readonly report: string | undefined
  /** A Markdown file whose table of scenarios is to be replaced by this run's. */
  readonly write?: string | undefined
}

/** Runs scenarios with one seed after the other. Whatever is violated makes the command fail. */
export async function runScenarios(wish: ScenarioWish, context: Context): Promise<ExitCode> {
  const { terminal } = context
  if (wish.report !== undefined) await assertWritable(wish.report)
  if (wish.write !== undefined) await assertMarked(wish.write)
  const names = wish.name === undefined ? SCENARIOS.map(({ name }) => name) : [wish.name]
  for (const name of names) scenarioExperiment(name, wish.seed, wish.setting)
  const repeat = (row: Row) => repeatScenario(context.caller, row.scenario, row.seed, wish.setting)
  // At once: a run of an hour that is stopped halfway has said what it found.
  const judge = (row: Row) => {
    if (isGood(row)) return
    context.screen.clear()
    for (const line of complaints(row, repeat(row))) terminal.complain(line)
  }
  const { told, summary } = await tellAll(names, wish, context, judge)
  if (wish.json) {
    const verdicts = told.map(({ rows }) => worstOf(rows)).map((row) => verdictOf(row, repeat(row)))
    terminal.print(JSON.stringify(wish.name === undefined ? { scenarios: verdicts } : verdicts[0]))
  } else {
    for (const line of tableOf(told, terminal)) terminal.print(line)
    terminal.print(`\n${summary}`)
  }
  if (wish.write !== undefined) await writeTable(wish.write, told)
  if (wish.report !== undefined) {
    await writePictures(scenarioReport(told, givenCommand(context)), wish.report, terminal)
  }
  return told.every(({ rows }) => rows.every(isGood)) ? 'ok' : 'failure'
}

async function tellAll(
  names: readonly string[],
  wish: ScenarioWish,
  { threads, screen }: Context,
  done: (row: Row) => void,
): Promise<{ readonly told: readonly Told[]; readonly summary: string }> {
  const seedsOf = (name: string) =>
    wish.name === undefined ? fairSeeds(name, wish.seeds) : wish.seeds
  const runs = names.reduce((sum, name) => sum + seedsOf(name), 0)
  const pool = new Pool(Math.min(threads, runs))
  const progress = new Progress(screen, () => pool.underWay)
  progress.measureBy(() => progress.done / runs)
  const finished = (row: Row) => {
    progress.add(row)
    done(row)
  }
  try {
    const told = await Promise.all(
      names.map((name) => tell(name, { ...wish, seeds: seedsOf(name) }, pool, finished)),
    )
    return { told, summary: progress.summary }
  } finally {
    progress.end()
    await pool.close()
  }
}

/** One seed of a large cluster takes as long as a hundred of a small one. */
const LARGE_NODES = 20
const LARGE_SEEDS_SHARE = 1 / 20

/** Among all scenarios, those of large clusters are run with a twentieth of the seeds. */
function fairSeeds(name: string, seeds: number): number {
  const { setting } = scenarioCalled(name)
  return setting.nodes > LARGE_NODES ? Math.ceil(seeds * LARGE_SEEDS_SHARE) : seeds
}

async function tell(
  name: string,
  { seed, seeds, setting }: ScenarioWish,
  pool: Pool,
  finished: (row: Row) => void,
): Promise<Told> {
  const rows = await Promise.all(
    Array.from({ length: seeds }, async (_, index) => {
      const result = await pool.run({ type: 'scenario', name, seed: seed + index, setting })
      if (result.type !== 'row') throw new Error(`a scenario gives a row, not ${result.type}`)
      finished(result.row)
      return result.row
    }),
  )
  return { formula: scenarioCalled(name).formula, rows }
}
