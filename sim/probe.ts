import type { Experiment } from './experiment.ts'
import { type Simulation, START_MS } from './simulation.ts'
import { type Flow, pour } from './workload.ts'

/**
 * What is asked when everything has been mended and has had its time to recover: one key, at more than its
 * rate, by everybody; then a rest in which its bucket empties. Times count from when the cluster was ready.
 */
export interface Probe {
  readonly flow: Flow
  /** The rest is over. */
  readonly endMs: number
}

/** From mending on. Any debt is forgotten, any bucket of a rule that is probed has been empty. */
const AFTER_MS = 12_000
const FLOOD_MS = 5_000
/** Of the rate. */
const DEMAND = 2.5
/** A rule that refills more slowly is not probed: it would take minutes. */
const REFILL_MS_MAX = 5_000
/** Nor one with a rate that would take longer to simulate than all the rest. */
const CHECKS_MAX = 10_000

/** The probe of an experiment: of the first key of the first flow whose rule can be probed. */
export function probeOf({ rules, workload, safetyMs }: Experiment): Probe | undefined {
  for (const { rule: name, keys } of workload) {
    const rule = rules.find((one) => one.name === name)
    const [limit] = rule?.limits ?? []
    if (limit === undefined || rule?.limits.length !== 1) continue
    const { rate, burst } = limit
    const everyMs = rate.periodMs / rate.count / DEMAND
    const refillMs = (burst * rate.periodMs) / rate.count
    if (refillMs > REFILL_MS_MAX || FLOOD_MS / everyMs > CHECKS_MAX) continue
    const fromMs = safetyMs + AFTER_MS
    const untilMs = fromMs + FLOOD_MS
    const flow: Flow = {
      rule: name,
      keys: { name: keys.count === 1 ? keys.name : `${keys.name}-0`, count: 1 },
      fromMs,
      untilMs,
      arrivals: { type: 'steady', everyMs },
      origins: 'anywhere',
    }
    return { flow, endMs: untilMs + Math.ceil(refillMs) + 1_000 }
  }
  return undefined
}

/** Sets the probe going, and lets it happen. `readyMs` counts from the start of the world. */
export function probe(world: Simulation, experiment: Experiment, readyMs: number): void {
  const planned = probeOf(experiment)
  if (planned === undefined) return
  pour(world, planned.flow, START_MS + readyMs, world.stream('probe'))
  world.runUntil(readyMs + planned.endMs)
}
