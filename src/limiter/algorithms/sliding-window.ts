import { sliceAt } from '../../../crdt/sliced-counter.ts'
import { countSince } from '../../../crdt/window-fold.ts'
import type { Limit, Reckoning } from './reckoning.ts'

/**
 * At most so many tokens in any stretch of the window's length: the tokens of all slices that the stretch ending
 * now overlaps, the oldest counted whole. A bound, not an estimate: never too much is admitted, and up to one
 * slice's tokens too little.
 *
 * The counts are all there is to know, and the bucket holds only what checks weigh beyond them: what a share of
 * the limit charges in a split, and what there was no room to count. It is forgotten when a window has passed
 * without more of it.
 */
export const slidingWindow: Reckoning = {
  isByCounts: true,
  opensOnUse: false,
  fold(limit, counters, { debits, credits }, nowMs) {
    const first = firstInWindow(limit, nowMs)
    return countSince(counters, debits, credits, first, sliceAt(limit, nowMs)) * limit.tokenUnits
  },
  oldestInUse: (limit, _, _key, _at, nowMs) => firstInWindow(limit, nowMs),
  level(limit, buckets, key, at, nowMs) {
    const isOver = nowMs - buckets.bucketMs(key, at) >= windowMs(limit)
    return buckets.folded(key, at, nowMs) + (isOver ? 0 : buckets.bucketLevel(key, at))
  },
  put(_, buckets, key, at, level, nowMs) {
    buckets.setBucket(key, at, Math.max(0, level - buckets.folded(key, at, nowMs)), nowMs)
  },
  adopt(_, buckets, key, at, nowMs) {
    buckets.setBucket(key, at, 0, nowMs)
  },
  /** Slice by slice falls off, the oldest first; what is beyond the counts no sooner than the last of them. */
  freeInMs(limit, buckets, key, at, units, nowMs) {
    if (units <= 0) return 0
    const first = firstInWindow(limit, nowMs)
    let freed = 0
    let freeMs = nowMs
    for (let slice = first; slice < first + limit.slices; slice++) {
      const counted = buckets.counted(key, at, slice)
      if (counted > 0) freeMs = (slice + 1) * limit.sliceMs - 1 + windowMs(limit)
      freed += counted * limit.tokenUnits
      if (freed >= units) return freeMs - nowMs
    }
    return Math.max(freeMs, buckets.bucketMs(key, at) + windowMs(limit)) - nowMs
  },
}

/**
 * The slice in which the window ending now begins. Times are whole milliseconds, and a window is
 * `(now - length, now]`: what was admitted exactly its length ago is out of it.
 */
export function firstInWindow(limit: Limit, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - windowMs(limit) + 1) / limit.sliceMs))
}

function windowMs({ policy }: Limit): number {
  return policy.rate.periodMs
}
