import type { Experiment } from './experiment.ts'
import type { Observer } from './observer.ts'
import type { Simulation } from './simulation.ts'

/**
 * Judges runs by one invariant of docs/guarantees.md. It watches from outside, computes what should be
 * true without asking the code that makes it true, and says in words what it found otherwise.
 */
export interface Oracle {
  readonly invariant: number
  readonly name: string
  watch(watch: Watch): Observer
}

export interface Watch {
  readonly world: Simulation
  readonly experiment: Experiment
  /** Something happened that never should. */
  found(what: string): void
}

export interface Violation {
  readonly invariant: number
  readonly oracle: string
  /** World time since the cluster was ready, in milliseconds. */
  readonly atMs: number
  readonly what: string
}
