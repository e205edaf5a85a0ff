import { fold } from '../../../crdt/fold.ts'
import { oldestLive, sliceAt } from '../../../crdt/sliced-counter.ts'
import type { Reckoning } from './reckoning.ts'

/**
 * The token bucket and the leaky bucket, as one meter (Turner 1986; the arithmetic of GCRA, ITU-T I.371, in its
 * leaky-bucket form): its level drains at the rate. The bucket holds the level, and when it was that.
 */
export const drainingBucket: Reckoning = {
  isByCounts: false,
  opensOnUse: false,
  fold(limit, counters, { debits, credits }, nowMs) {
    return fold(counters, debits, limit, nowMs, credits)
  },
  oldestInUse: (limit, _, _key, _at, nowMs) => oldestLive(limit, sliceAt(limit, nowMs)),
  level({ drainPerMs }, buckets, key, at, nowMs) {
    const elapsedMs = Math.max(0, nowMs - buckets.bucketMs(key, at))
    return Math.max(0, buckets.bucketLevel(key, at) - elapsedMs * drainPerMs)
  },
  put(_, buckets, key, at, level, nowMs) {
    buckets.setBucket(key, at, level, Math.max(nowMs, buckets.bucketMs(key, at)))
  },
  adopt(_, buckets, key, at, nowMs) {
    buckets.setBucket(key, at, buckets.folded(key, at, nowMs), nowMs)
  },
  /** A clock that has gone back has first to reach the bucket's time; nothing drains until then. */
  freeInMs({ drainPerMs }, buckets, key, at, units, nowMs) {
    const behindMs = Math.max(0, buckets.bucketMs(key, at) - nowMs)
    return behindMs + Math.ceil(units / drainPerMs)
  },
}
