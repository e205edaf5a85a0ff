/**
 * What a limiter says to one check. A refusal is a value, never an error; nothing here can fail.
 *
 * With several limits in a rule, the numbers are those of the tightest one: for an allowed check the one
 * with the fewest tokens remaining, for a refused one the one that has to be waited for longest.
 */
export type Decision = Allowed | Refused

interface Measured {
  /** Which of the rule's limits the numbers describe. */
  readonly limit: number
  /** Whole tokens that could be taken now. */
  readonly remaining: number
  /** Milliseconds until the burst is whole again if nothing more is taken. */
  readonly resetMs: number
}

export interface Allowed extends Measured {
  readonly type: 'allowed'
  /** Of limits that shape: how long to wait before the work is begun. Else 0. */
  readonly delayMs: number
}

export interface Refused extends Measured {
  readonly type: 'refused'
  /** Milliseconds after which the same check is allowed if nobody else takes anything. */
  readonly retryAfterMs: number
  readonly reason: RefusalReason
}

/**
 * - `over_limit`: the limit itself.
 * - `partition_share`: the limit would allow it, this side's share of it does not.
 * - `partition_closed`: this side of a split may admit nothing.
 * - `overloaded`: the table of keys is full of keys that are being refused, and this key is not in it.
 */
export type RefusalReason = 'over_limit' | 'partition_share' | 'partition_closed' | 'overloaded'
