import { type Simulation, START_MS } from '../simulation.ts'
import type { StudyProgress } from './study.ts'

/** Tells of a study that consists of so many steps, which are taken to be alike. */
export class Steps {
  readonly #of: number
  readonly #progress: StudyProgress
  #done = 0
  #events = 0
  #virtualMs = 0

  constructor(of: number, progress: StudyProgress) {
    this.#of = of
    this.#progress = progress
  }

  /** Before a step. */
  begin(what: string): void {
    const share = Math.min(1, this.#done / this.#of)
    this.#progress({ what, share, events: this.#events, virtualMs: this.#virtualMs })
    this.#done += 1
  }

  /** After a run of a step. */
  ran({ events, nowMs }: Pick<Simulation, 'events' | 'nowMs'>): void {
    this.#events += events
    this.#virtualMs += nowMs - START_MS
  }
}
