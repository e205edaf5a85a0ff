import type { Meter } from '../../../crdt/fold.ts'
import type { SlicedCounters, Slicing } from '../../../crdt/sliced-counter.ts'
import type { LimitPolicy } from '../policy.ts'

/** A limit ready to be evaluated: its numbers, and how to reckon with them. */
export interface Limit extends Meter, Slicing {
  readonly policy: LimitPolicy
  readonly reckoning: Reckoning
  /** Whether an admission is told to wait for its turn. */
  readonly isShaping: boolean
  /** The largest debt that is remembered, in units. */
  readonly debtUnitsMax: number
  /** Tokens that one honest decider may admit in one slice. */
  readonly countMax: number
}

/** The rows of a key: of what was admitted, and of what was given back. */
export interface Rows {
  readonly debits: readonly number[]
  readonly credits: readonly number[]
}

/** What the node that decides a key keeps for each of its limits: two numbers, which each algorithm reads its own way. */
export interface Buckets {
  bucketLevel(key: number, limit: number): number
  bucketMs(key: number, limit: number): number
  setBucket(key: number, limit: number, level: number, atMs: number): void
  /** What the counts alone say is in use, in units. */
  folded(key: number, limit: number, nowMs: number): number
  /** Tokens that all actors together admitted in a slice, without what was given back. */
  counted(key: number, limit: number, slice: number): number
}

/**
 * How an algorithm reckons with one limit of one key. Levels are units in use; a check is admitted when its
 * own fit beside them.
 */
export interface Reckoning {
  /** Whether the level is read from the counts, and so rises with them by itself. */
  readonly isByCounts: boolean
  /** Whether the bucket's time is when its window opened: a heir has to be told how long ago that was. */
  readonly opensOnUse: boolean
  /** In use by the replicated counts alone: what a replica must assume. Never below the truth of what they hold. */
  fold(limit: Limit, counters: SlicedCounters, rows: Rows, nowMs: number): number
  /** The oldest slice whose admissions may still be in use. */
  oldestInUse(limit: Limit, buckets: Buckets, key: number, at: number, nowMs: number): number
  /** In use by the decider's bucket. */
  level(limit: Limit, buckets: Buckets, key: number, at: number, nowMs: number): number
  /** Makes the bucket say that so much is in use now; what was admitted is in the counts already. */
  put(limit: Limit, buckets: Buckets, key: number, at: number, level: number, nowMs: number): void
  /** A bucket for a new decider, out of the counts. */
  adopt(limit: Limit, buckets: Buckets, key: number, at: number, nowMs: number): void
  /** Milliseconds until so many of the units in use are free, if nothing more is taken. */
  freeInMs(
    limit: Limit,
    buckets: Buckets,
    key: number,
    at: number,
    units: number,
    nowMs: number,
  ): number
}
