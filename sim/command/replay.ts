import { type Experiment, READY_MS } from '../experiment.ts'
import { setGoing } from '../run.ts'
import { Simulation } from '../simulation.ts'

/** The same run up to a virtual time since the cluster was ready, in milliseconds, and then no further. */
export function replay(experiment: Experiment, untilMs: number): Simulation {
  const world = new Simulation(experiment)
  world.runUntil(READY_MS)
  setGoing(world, experiment)
  world.runUntil(READY_MS + Math.min(untilMs, experiment.safetyMs))
  if (untilMs > experiment.safetyMs) {
    world.mend()
    world.runUntil(READY_MS + untilMs)
  }
  return world
}
