import { hasConverged } from '../convergence.ts'
import { type Experiment, nodesOf, READY_MS } from '../experiment.ts'
import { setGoing } from '../run.ts'
import { demoRule } from '../scenarios/scenario.ts'
import { Simulation } from '../simulation.ts'
import type { Steps } from './steps.ts'

const SPLIT_AT_MS = 1_000
const SPLIT_MS = 8_000
/** Keys that both sides are asked for while they are apart. */
const KEYS = 20
const LOOK_MS = 10
const WAIT_MS = 20_000

/**
 * Milliseconds from the moment a split of two halves is healed until all replicas of all keys are equal, with
 * nothing asked any more; undefined if they are not within 20 s.
 */
export function healingMs(seed: number, nodes: number, steps: Steps): number | undefined {
  const experiment = halves(seed, nodes)
  const world = new Simulation(experiment)
  world.runUntil(READY_MS)
  setGoing(world, experiment)
  const healedMs = READY_MS + experiment.safetyMs
  world.runUntil(healedMs)
  world.mend()
  let waitedMs = 0
  while (waitedMs < WAIT_MS && !hasConverged(world)) {
    waitedMs += LOOK_MS
    world.runUntil(healedMs + waitedMs)
  }
  steps.ran(world)
  return waitedMs < WAIT_MS ? waitedMs : undefined
}

function halves(seed: number, nodes: number): Experiment {
  const ids = nodesOf({ nodes })
  const half = Math.ceil(nodes / 2)
  const safetyMs = SPLIT_AT_MS + SPLIT_MS
  return {
    seed,
    nodes,
    rules: [demoRule('share')],
    faults: [{ atMs: SPLIT_AT_MS, type: 'split', sides: [ids.slice(0, half), ids.slice(half)] }],
    workload: [
      {
        rule: 'demo',
        keys: { name: 'key', count: KEYS },
        fromMs: 0,
        untilMs: safetyMs,
        arrivals: { type: 'steady', everyMs: 5 },
        origins: 'anywhere',
      },
    ],
    safetyMs,
  }
}
