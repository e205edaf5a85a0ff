/** Where a node's time comes from. */
export interface Clock {
  /** Milliseconds since 1970. Should never go backwards. */
  nowMs(): number
}

/** Whole milliseconds of a clock that can be held, so that much is done at one moment and the time is read once. */
export class HoldableClock implements Clock {
  readonly #clock: Clock
  #heldMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  nowMs(): number {
    return this.#heldMs ?? Math.floor(this.#clock.nowMs())
  }

  /** Does what waits for nothing, while the clock stands still. */
  hold<Result>(act: () => Result): Result {
    const outerMs = this.#heldMs
    this.#heldMs = this.nowMs()
    try {
      return act()
    } finally {
      this.#heldMs = outerMs
    }
  }
}

// A getter that asks each time who it belongs to: as dear as the time itself.
const { timeOrigin } = performance

/**
 * Wall time anchored to the monotonic clock: it starts at the wall clock's time of the process's start and
 * then only ever moves forward, whatever happens to the wall clock.
 */
export const anchoredClock: Clock = {
  nowMs: () => Math.floor(timeOrigin + performance.now()),
}
