import { sliceAt } from '../../../crdt/sliced-counter.ts'
import { countSince } from '../../../crdt/window-fold.ts'
import type { Limit, Reckoning } from './reckoning.ts'

/**
 * Windows that follow each other from 1970 on, or the units of a calendar. Each is one slice of the counts, so
 * what replicas assume is exactly what was admitted, as far as they were told. The bucket holds the tokens of a
 * window, and when it was last used.
 *
 * Two windows that meet may admit a whole burst each within a moment: that is what a fixed window promises.
 */
export const alignedWindow: Reckoning = {
  isByCounts: false,
  opensOnUse: false,
  fold(limit, counters, { debits, credits }, nowMs) {
    const current = sliceAt(limit, nowMs)
    return countSince(counters, debits, credits, current, current) * limit.tokenUnits
  },
  oldestInUse: (limit, _, _key, _at, nowMs) => sliceAt(limit, nowMs),
  level(limit, buckets, key, at, nowMs) {
    // A clock that has gone back finds itself in an earlier window: the later one stays in use.
    return buckets.bucketMs(key, at) >= startOf(limit, nowMs) ? buckets.bucketLevel(key, at) : 0
  },
  put(_, buckets, key, at, level, nowMs) {
    buckets.setBucket(key, at, level, Math.max(nowMs, buckets.bucketMs(key, at)))
  },
  adopt(_, buckets, key, at, nowMs) {
    buckets.setBucket(key, at, buckets.folded(key, at, nowMs), nowMs)
  },
  freeInMs(limit, buckets, key, at, units, nowMs) {
    return units > 0 ? endOf(limit, Math.max(nowMs, buckets.bucketMs(key, at))) - nowMs : 0
  },
}

function startOf({ calendar, sliceMs }: Limit, atMs: number): number {
  return calendar === undefined ? Math.floor(atMs / sliceMs) * sliceMs : calendar.at(atMs).startMs
}

function endOf(limit: Limit, atMs: number): number {
  const { calendar, sliceMs } = limit
  return calendar === undefined ? startOf(limit, atMs) + sliceMs : calendar.at(atMs).endMs
}
