/** Microseconds of a second. */
const MILLION = 1_000_000

/**
 * The wall clock of one host: so far off the world's time, too fast or too slow by a rate, and set anew now
 * and then. It outlives its node's processes.
 */
export class WallClock {
  readonly #driftPpm: number
  readonly #sinceMs: number
  #offsetMs: number

  /** At `sinceMs` of the world it is `offsetMs` ahead, and gains `driftPpm` microseconds each second. */
  constructor(sinceMs: number, offsetMs = 0, driftPpm = 0) {
    this.#sinceMs = sinceMs
    this.#offsetMs = offsetMs
    this.#driftPpm = driftPpm
  }

  at(worldMs: number): number {
    return worldMs + this.#offsetMs + this.#gainedMs(this.#sinceMs, worldMs)
  }

  /** Somebody sets the clock forwards or back. */
  step(byMs: number): void {
    this.#offsetMs += byMs
  }

  /**
   * The clock of a process that starts now, as in `src/clock.ts`: the wall clock's time of the start, and
   * then only time that has passed. Steps of the wall clock never reach it, drift does.
   */
  anchored(startMs: number): (worldMs: number) => number {
    const anchorMs = this.at(startMs) - startMs
    return (worldMs) => Math.floor(worldMs + anchorMs + this.#gainedMs(startMs, worldMs))
  }

  #gainedMs(fromMs: number, toMs: number): number {
    return this.#driftPpm === 0 ? 0 : ((toMs - fromMs) * this.#driftPpm) / MILLION
  }
}
