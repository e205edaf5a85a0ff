import { type Experiment, READY_MS } from '../../../sim/experiment.ts'
import type { Observer } from '../../../sim/observer.ts'
import type { Oracle } from '../../../sim/oracle.ts'
import { Simulation, START_MS } from '../../../sim/simulation.ts'
import { type Flow, pour } from '../../../sim/workload.ts'
import type { CheckRequest } from '../../../src/limiter/check.ts'
import type { RuleState } from '../../../src/limiter/rule-state.ts'

/** Checks of one key at ten times its rate, anywhere. */
export const FLOOD: Flow = {
  rule: 'demo',
  keys: { name: 'hot', count: 1 },
  fromMs: 0,
  untilMs: 60_000,
  arrivals: { type: 'steady', everyMs: 1 },
  origins: 'anywhere',
}

export const CHECK: CheckRequest = { rule: 'demo', key: 'hot', cost: 1 }

/** Three nodes, one rule of R = B = 100, no faults. */
export const EXPERIMENT: Experiment = {
  seed: 1,
  nodes: 3,
  rules: [{ name: 'demo', limits: [{ rate: { count: 100, periodMs: 1_000 }, burst: 100 }] }],
  faults: [],
  workload: [FLOOD],
  safetyMs: 60_000,
}

/** A world that is ready, watched by one oracle; whoever holds it may break it. */
export interface Stage {
  readonly world: Simulation
  /** What the oracle sees through, for fabricated events. */
  readonly observer: Observer
  readonly found: readonly string[]
  /** Lets so much time pass. */
  run(forMs: number): void
  /** What a node keeps of the hot key's rule. */
  ruleOf(index: number): RuleState
  /** The hot key's row in it. */
  rowOf(index: number): number
}

export function stage(oracle: Oracle, different: Partial<Experiment> = {}): Stage {
  const experiment: Experiment = { ...EXPERIMENT, ...different }
  const world = new Simulation(experiment)
  const found: string[] = []
  world.runUntil(READY_MS)
  const observer = oracle.watch({ world, experiment, found: (what) => found.push(what) })
  world.observe(observer)
  world.schedule(experiment.faults, READY_MS)
  for (const flow of experiment.workload) {
    pour(world, flow, START_MS + READY_MS, world.stream('workload'))
  }
  let untilMs = READY_MS
  const ruleOf = (index: number) => {
    const id = world.ids[index]
    const rule = id === undefined ? undefined : world.host(id).node.limiter.rule('demo')
    if (rule === undefined) throw new Error('no such node')
    return rule
  }
  return {
    world,
    observer,
    found,
    run(forMs) {
      untilMs += forMs
      world.runUntil(untilMs)
    },
    ruleOf,
    rowOf(index) {
      const { hi, lo } = world.hashOf('demo', 'hot')
      return ruleOf(index).store.table.find(hi, lo)
    },
  }
}
