import type { Meter } from '../../crdt/fold.ts'
import type { Slicing } from '../../crdt/sliced-counter.ts'
import type { LimitPolicy } from './policy.ts'

/** The shortest slice, so that a fast limit does not spend its memory on empty time. */
export const SLICE_MS_MIN = 50
/** Slices per time to refill the whole burst: how finely a fold sees the past. */
const SLICES_PER_REFILL = 8
/** Slices kept at least: 2·SLICES_PER_REFILL for the two refills a fold needs, and the ones in progress. */
export const SLICES_MIN = 2 * SLICES_PER_REFILL + 2
/** Gossip intervals a count must outlive, so that a late frame still finds its slice. */
export const GOSSIP_INTERVALS_KEPT = 4

/** A limit ready to be evaluated: a meter for the level, and the slicing of its replicated counts. */
export interface Limit extends Meter, Slicing {
  readonly policy: LimitPolicy
}

/**
 * Whole-number arithmetic for a policy: with rate c/p reduced to lowest terms, a token is p units and c
 * units drain per millisecond.
 *
 *     sliceMs = max(50 ms, (B/R)/8)        slices = max(18, ⌈4·gossipInterval/sliceMs⌉ + 1)
 *
 * which keeps at least twice the refill time and four gossip intervals.
 */
export function limitOf(policy: LimitPolicy, gossipIntervalMs: number): Limit {
  const { rate, burst } = policy
  const divisor = greatestCommonDivisor(rate.count, rate.periodMs)
  const tokenUnits = rate.periodMs / divisor
  const drainPerMs = rate.count / divisor
  const capacityUnits = burst * tokenUnits
  const refillMs = capacityUnits / drainPerMs
  const sliceMs = Math.max(SLICE_MS_MIN, Math.ceil(refillMs / SLICES_PER_REFILL))
  const slices = Math.max(
    SLICES_MIN,
    Math.ceil((GOSSIP_INTERVALS_KEPT * gossipIntervalMs) / sliceMs) + 1,
  )
  return { policy, tokenUnits, drainPerMs, capacityUnits, sliceMs, slices }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
