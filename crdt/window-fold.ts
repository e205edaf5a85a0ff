import type { SlicedCounters } from './sliced-counter.ts'

/**
 * Tokens that were admitted in the slices from `slice` on and not given back, by the counts held. Slices ahead of the present,
 * written by somebody whose clock is ahead, are among them: else a burst that fell into one would be admitted a
 * second time here.
 *
 * Pure, and never below the truth for a window that begins in `slice` or later: the oldest slice is counted
 * whole.
 */
export function countSince(
  counters: SlicedCounters,
  rings: readonly number[],
  credits: readonly number[],
  slice: number,
  newest: number,
): number {
  let tokens = 0
  const last = newestHeld(counters, rings, newest)
  for (let at = slice; at <= last; at++) {
    tokens += Math.max(0, counters.sum(rings, at) - counters.sum(credits, at))
  }
  return tokens
}

/** The newest slice with a count in any of the rings, but not older than `current`. */
export function newestHeld(
  counters: SlicedCounters,
  rings: readonly number[],
  current: number,
): number {
  let newest = current
  for (const ring of rings) {
    const head = counters.newest(ring, current)
    if (head > newest && counters.count(ring, head) > 0) newest = head
  }
  return newest
}
