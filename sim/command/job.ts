import { ORACLES } from '../checkers/all.ts'
import { isWithin } from '../checkers/whole-token.ts'
import type { Situations } from '../coverage.ts'
import { type Experiment, READY_MS } from '../experiment.ts'
import type { Oracle, Violation } from '../oracle.ts'
import { type Outcome, perform } from '../run.ts'
import { SCENARIOS } from '../scenarios/all.ts'
import type { Scenario, Setting } from '../scenarios/scenario.ts'
import { START_MS } from '../simulation.ts'
import { drawExperiment } from '../swarm/draw.ts'
import { judge, violates } from '../swarm/judge.ts'
import { shrink } from '../swarm/shrink.ts'

/** One run, as data that another thread can be sent. */
export type Job =
  | {
      readonly type: 'scenario'
      readonly name: string
      readonly seed: number
      readonly setting: Partial<Setting>
    }
  | { readonly type: 'swarm'; readonly seed: number; readonly nodes?: number | undefined }
  | { readonly type: 'experiment'; readonly experiment: Experiment }
  /** Makes an experiment smaller that violates something. */
  | { readonly type: 'shrink'; readonly experiment: Experiment; readonly violated: Violation }

/** What came of one run: of its worst key, or in random runs of the key nearest to its bound. */
export interface Row {
  readonly scenario: string
  readonly seed: number
  readonly nodes: number
  readonly admitted: number
  readonly ideal: number
  /** Tokens. */
  readonly overshoot: number
  readonly bound: number
  readonly withinBound: boolean
  /** Null if the replicas never became equal. */
  readonly convergedMs: number | null
  readonly traceHash: string
  readonly violations: readonly Violation[]
  readonly coverage: Situations
  readonly events: number
  readonly virtualMs: number
}

export type JobResult =
  | { readonly type: 'row'; readonly row: Row }
  | { readonly type: 'shrunk'; readonly experiment: Experiment; readonly violated: Violation }

/** How far the run of a job is. */
export interface JobProgress {
  readonly events: number
  readonly virtualMs: number
}

export function work(job: Job, progress: (at: JobProgress) => void): JobResult {
  const watching = [...ORACLES, telling(progress)]
  switch (job.type) {
    case 'scenario': {
      const scenario = scenarioCalled(job.name)
      const setting = { ...scenario.setting, ...job.setting }
      const outcome = perform(scenario.experiment(job.seed, setting), watching)
      const bound = scenario.bound(setting)
      return { type: 'row', row: rowOf(job.name, outcome, { ...outcome.worst, bound }) }
    }
    case 'swarm':
      return judged('swarm', drawExperiment(job.seed, optionsOf(job)), watching)
    case 'experiment':
      return judged('experiment', job.experiment, watching)
    case 'shrink':
      return shrunk(job)
  }
}

export function scenarioCalled(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  return scenario
}

function optionsOf({ nodes }: { readonly nodes?: number | undefined }) {
  return nodes === undefined ? {} : { nodes }
}

function judged(name: string, experiment: Experiment, watching: readonly Oracle[]): JobResult {
  const { outcome, tightest } = judge(experiment, watching)
  return { type: 'row', row: rowOf(name, outcome, tightest) }
}

function shrunk({ experiment, violated }: Extract<Job, { type: 'shrink' }>): JobResult {
  const smallest = shrink(experiment, (smaller) =>
    violates(judge(smaller, ORACLES).outcome, violated),
  )
  const again = judge(smallest, ORACLES).outcome.violations.find(
    ({ invariant, oracle }) => invariant === violated.invariant && oracle === violated.oracle,
  )
  return { type: 'shrunk', experiment: smallest, violated: again ?? violated }
}

function rowOf(
  scenario: string,
  outcome: Outcome,
  seen: Pick<Row, 'admitted' | 'ideal' | 'overshoot' | 'bound'>,
): Row {
  const { experiment, convergedMs, traceHash, violations, coverage, events, virtualMs } = outcome
  const { admitted, ideal, overshoot, bound } = seen
  return {
    scenario,
    seed: experiment.seed,
    nodes: experiment.nodes,
    admitted,
    ideal,
    overshoot,
    bound,
    withinBound: isWithin(overshoot, bound),
    convergedMs: convergedMs ?? null,
    traceHash,
    violations,
    coverage,
    events,
    virtualMs,
  }
}

/** Finds nothing; it watches how time goes by. */
function telling(progress: (at: JobProgress) => void): Oracle {
  return {
    invariant: 0,
    name: 'progress',
    watch: ({ world }) => ({
      look: () => progress({ events: world.events, virtualMs: world.nowMs - START_MS - READY_MS }),
    }),
  }
}
