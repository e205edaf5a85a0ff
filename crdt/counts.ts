import type { Actor } from './node-id.ts'

/** Sliced counts on their way between replicas: deltas, repairs and piggybacks are all of this shape. */

/**
 * Counts of one rule's keys in flat numbers, which pack small and fast:
 *
 *     entry = hash high, hash low, actor index, then for each of the rule's limits: offset, n, count × n
 *
 * The counts stand for the slices `base[limit] + offset …`, and are absolute: merging is a maximum.
 */
export interface CountsBlock {
  readonly rule: string
  /** Width in ms of each limit's slices. A receiver with other slices drops the block whole. */
  readonly sliceMs: readonly number[]
  readonly base: readonly number[]
  readonly entries: readonly number[]
}

export interface Counts {
  readonly actors: readonly Actor[]
  readonly blocks: readonly CountsBlock[]
}

export const NO_COUNTS: Counts = { actors: [], blocks: [] }

/** A key as it travels: the rule's name and the key's 64-bit hash. */
export interface KeyRef {
  readonly rule: string
  readonly hashHi: number
  readonly hashLo: number
}

/** What became of the entries of one message. */
export interface MergeResult {
  /** Counts that told something new. */
  readonly raised: number
  /** Counts of slices that have fallen off here: old news, ignored. */
  readonly expired: number
  /** Counts too far in the future: the author's clock is wrong. Refused. */
  readonly future: number
  /** When the last of their slices will be over. */
  readonly futureMs?: number
  /** Entries of rules or slicings this node does not have, or beyond its memory. Ignored. */
  readonly foreign: number
  /** Entries no honest author writes: another's actor, or more than the limit can admit. Refused. */
  readonly violations: number
}

/** The digest of one limit's slices `[from, to]`: one word per bucket of keys. */
export interface DigestBlock {
  readonly rule: string
  readonly limit: number
  readonly sliceMs: number
  readonly from: number
  readonly to: number
  readonly buckets: Uint32Array
}

/** Buckets of one rule that somebody wants to be sent: a bit for each. */
export interface WantedBuckets {
  readonly rule: string
  readonly bits: Uint8Array
}
