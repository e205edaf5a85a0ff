/** Where a node's time comes from. */
export interface Clock {
  /** Milliseconds since 1970. Should never go backwards. */
  nowMs(): number
}

/**
 * Wall time anchored to the monotonic clock: it starts at the wall clock's time of the process's start and
 * then only ever moves forward, whatever happens to the wall clock.
 */
export const anchoredClock: Clock = {
  nowMs: () => Math.floor(performance.timeOrigin + performance.now()),
}
