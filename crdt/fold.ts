import { oldestLive, type SlicedCounters, sliceAt } from './sliced-counter.ts'
import { newestHeld } from './window-fold.ts'

/**
 * A leaky-bucket meter in whole numbers. One token is `tokenUnits` units, and `drainPerMs` units drain
 * away each millisecond, so that any rate of whole tokens per whole milliseconds is exact.
 */
export interface Meter {
  readonly tokenUnits: number
  readonly drainPerMs: number
  /** The burst, in units. */
  readonly capacityUnits: number
  /** The most that was in use at the horizon, in units, where that may have been more than the burst. */
  readonly horizonUnits?: number
}

/**
 * The level of the meter, in units, that a replica must assume from the counts it holds.
 *
 *     x = B; cur = start of the oldest kept slice        assume the bucket was empty of tokens at the horizon (or owed, if told so)
 *     for each slice j up to the newest held:
 *         x = max(0, x - R·(min(end of j, t) - cur))     drain first ...
 *         x = x + Σ_actors S[j] - Σ_actors C[j]          ... then add: events count as late as possible
 *
 * Pure: equal counts and equal time give an equal level. Never below the true level of the events held,
 * because the start is above the truth, and every event is moved later, which only raises a draining meter
 * (invariant 5). `C` is what was given back; a slice's credit only ever cancels what was admitted in it. Above it by at most R·sliceMs if it touched 0 on the way, by at most B otherwise
 * (invariant 6). `test/crdt/fold.test.ts` holds both as properties.
 *
 * A slice ahead of `nowMs` was written by somebody whose clock is ahead. It counts as of now, or a burst
 * that fell into it would be admitted a second time here; and the horizon moves with it, because a ring
 * that has gone ahead has let go of as many old slices.
 */
export function fold(
  counters: SlicedCounters,
  rings: readonly number[],
  meter: Meter,
  nowMs: number,
  credits: readonly number[] = NONE,
): number {
  const { slicing } = counters
  const newest = newestHeld(counters, rings, sliceAt(slicing, nowMs))
  const oldest = oldestLive(slicing, newest)
  let level = meter.horizonUnits ?? meter.capacityUnits
  let cursorMs = Math.min(oldest * slicing.sliceMs, nowMs)
  for (let slice = oldest; slice <= newest; slice++) {
    const endMs = Math.min((slice + 1) * slicing.sliceMs, nowMs)
    level = Math.max(0, level - meter.drainPerMs * (endMs - cursorMs))
    cursorMs = endMs
    level += counters.sum(rings, slice) * meter.tokenUnits
    if (credits.length > 0) level -= back(counters, rings, credits, slice) * meter.tokenUnits
  }
  return level
}

/** What was given back of a slice: never more than what is known to have been admitted in it. */
function back(
  counters: SlicedCounters,
  rings: readonly number[],
  credits: readonly number[],
  slice: number,
): number {
  return Math.min(counters.sum(rings, slice), counters.sum(credits, slice))
}

const NONE: readonly number[] = []
