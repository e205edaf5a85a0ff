import { sliceAt } from '../../../crdt/sliced-counter.ts'
import type { Limit, Reckoning } from './reckoning.ts'
import { firstInWindow, slidingWindow } from './sliding-window.ts'

/**
 * A window that opens with the first admission after the one before has closed. The bucket holds the tokens of
 * the open window, and when it opened.
 *
 * The counts do not tell windows apart. A replica counts what was admitted in the last window's length, which
 * no window that is open now can exceed; and a new decider takes the window for opened at the end of the oldest
 * slice of these: later than it was by less than a slice, unless windows followed each other without a rest.
 */
export const firstHitWindow: Reckoning = {
  isByCounts: false,
  opensOnUse: true,
  fold: slidingWindow.fold,
  /** Nothing of the window before: what is left of it would be counted for as long as others take its place. */
  oldestInUse(limit, buckets, key, at, nowMs) {
    const openedIn = sliceAt(limit, Math.max(0, buckets.bucketMs(key, at) - 1))
    return Math.max(firstInWindow(limit, nowMs), openedIn)
  },
  level(limit, buckets, key, at, nowMs) {
    return nowMs < closesMs(limit, buckets.bucketMs(key, at)) ? buckets.bucketLevel(key, at) : 0
  },
  put(limit, buckets, key, at, level, nowMs) {
    const openedMs = buckets.bucketMs(key, at)
    const isOpen = buckets.bucketLevel(key, at) > 0 && nowMs < closesMs(limit, openedMs)
    buckets.setBucket(key, at, level, isOpen ? openedMs : nowMs)
  },
  adopt(limit, buckets, key, at, nowMs) {
    const first = firstInWindow(limit, nowMs)
    let slice = first
    while (slice < first + limit.slices && buckets.counted(key, at, slice) === 0) slice += 1
    const openedMs = Math.min(nowMs, (slice + 1) * limit.sliceMs)
    buckets.setBucket(key, at, buckets.folded(key, at, nowMs), openedMs)
  },
  freeInMs(limit, buckets, key, at, units, nowMs) {
    if (units <= 0) return 0
    return Math.max(0, closesMs(limit, buckets.bucketMs(key, at)) - nowMs)
  },
}

function closesMs({ policy }: Limit, openedMs: number): number {
  return openedMs + policy.rate.periodMs
}
