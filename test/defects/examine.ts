import { ORACLES } from '../../sim/checkers/all.ts'
import { boundedOvershoot } from '../../sim/checkers/bounded-overshoot.ts'
import type { Experiment } from '../../sim/experiment.ts'
import type { Violation } from '../../sim/oracle.ts'
import { perform } from '../../sim/run.ts'
import { SCENARIOS } from '../../sim/scenarios/all.ts'
import { type BoundOf, boundOf } from '../../sim/swarm/bound.ts'
import { drawExperiment } from '../../sim/swarm/draw.ts'

/** One experiment, by its name and seed; each core that is examined makes it anew. */
export interface Trial {
  /** A scenario, or `SWARM`. */
  readonly name: string
  readonly seed: number
}

/** Draws everything from the seed. */
const SWARM = 'swarm'

/** Larger clusters take too long for a search. */
const NODES_MAX = 10

/** Performs a trial before all oracles and its bound, and returns what was violated, the first thing first. */
export function examine({ name, seed }: Trial): readonly Violation[] {
  const { experiment, bound } = experimentOf(name, seed)
  try {
    return perform(experiment, [...ORACLES, boundedOvershoot(bound)]).violations
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    return [{ invariant: 13, oracle: 'nothing throws', atMs: 0, what }]
  }
}

function experimentOf(name: string, seed: number): { experiment: Experiment; bound: BoundOf } {
  if (name === SWARM) {
    const experiment = drawExperiment(seed)
    return { experiment, bound: boundOf(experiment) }
  }
  const scenario = SCENARIOS.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  const { setting } = scenario
  // Admissions are whole tokens: less than one too many is none too many.
  const bound = scenario.bound(setting) + 1
  return { experiment: scenario.experiment(seed, setting), bound: () => bound }
}

/**
 * What is tried with one seed: the likely scenarios, everything drawn at random, and one of all other
 * scenarios, each in its turn.
 */
export function trialsOf(seed: number, likely: readonly string[]): Trial[] {
  const others = SCENARIOS.filter(
    ({ name, setting }) => setting.nodes <= NODES_MAX && !likely.includes(name),
  ).map(({ name }) => name)
  const other = others[seed % others.length]
  const names = [...likely, SWARM, ...(other === undefined ? [] : [other])]
  return names.map((name) => ({ name, seed }))
}
