import { CommandError, type ExitCode } from '../../src/cli/exit-code.ts'
import { type Experiment, strangersIn } from '../experiment.ts'
import type { Setting } from '../scenarios/scenario.ts'
import { drawExperiment } from '../swarm/draw.ts'
import type { Context } from './context.ts'
import { scenarioCalled } from './job.ts'
import { Pool } from './pool.ts'
import { Progress } from './progress.ts'
import { replay } from './replay.ts'
import { type AskedKey, stateLines } from './state-text.ts'
import { complaints, isGood, tableOf, verdictOf } from './verdict.ts'

/** @throws CommandError if the story needs more nodes. */
export function scenarioExperiment(
  name: string,
  seed: number,
  setting: Partial<Setting>,
): Experiment {
  const scenario = scenarioCalled(name)
  const experiment = scenario.experiment(seed, { ...scenario.setting, ...setting })
  if (strangersIn(experiment).length > 0) {
    throw new CommandError(`${name} is a story of more than ${nodesText(experiment.nodes)}`, {
      exit: 'usage',
    })
  }
  return experiment
}

function nodesText(nodes: number): string {
  return nodes === 1 ? 'one node' : `${nodes} nodes`
}

export function swarmExperiment(seed: number, nodes: number | undefined): Experiment {
  return drawExperiment(seed, nodes === undefined ? {} : { nodes })
}

/** Repeats an experiment that was saved. `repeat` is the command that does so. */
export async function runExperiment(
  experiment: Experiment,
  { json, repeat }: { readonly json: boolean; readonly repeat: string },
  { terminal, screen }: Context,
): Promise<ExitCode> {
  const pool = new Pool(1)
  const progress = new Progress(screen, () => pool.underWay)
  const result = await pool.run({ type: 'experiment', experiment }).finally(() => progress.end())
  if (result.type !== 'row') throw new Error(`an experiment gives a row, not ${result.type}`)
  const { row } = result
  progress.add(row)
  if (json) {
    terminal.print(JSON.stringify({ ...verdictOf(row, repeat), violations: row.violations }))
  } else {
    const told = { formula: 'Σ over its faults', rows: [row] }
    for (const line of tableOf([told], terminal)) terminal.print(line)
    terminal.print(`\n${progress.summary}`)
  }
  if (!isGood(row)) for (const line of complaints(row, repeat)) terminal.complain(line)
  return isGood(row) ? 'ok' : 'failure'
}

/** Stops a run at a virtual time, in ms since the cluster was ready, and shows what all nodes know. */
export function showState(
  experiment: Experiment,
  untilMs: number,
  { terminal }: Context,
): ExitCode {
  const world = replay(experiment, untilMs)
  terminal.print(
    `seed ${experiment.seed}, ${untilMs} ms after the cluster was ready; trace ${world.traceHash}\n`,
  )
  for (const line of stateLines(world, askedKeys(experiment))) terminal.print(line)
  return 'ok'
}

function askedKeys({ workload }: Experiment): AskedKey[] {
  return workload.flatMap(({ rule, keys: { name, count } }) =>
    count === 1
      ? [{ rule, key: name }]
      : Array.from({ length: count }, (_, index) => ({ rule, key: `${name}-${index}` })),
  )
}
