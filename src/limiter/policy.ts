import type { Calendar } from '../../crdt/calendar.ts'

/** What a rule says, in its author's own numbers. Pure data; `limit.ts` derives the arithmetic. */

export type { Calendar, CalendarUnit } from '../../crdt/calendar.ts'

/** `count` tokens every `periodMs` milliseconds; both positive whole numbers. */
export interface Rate {
  readonly count: number
  readonly periodMs: number
}

/**
 * How a limit counts. Each is another fold of the same replicated counts.
 *
 * - `token-bucket`: refilled at the rate, never fuller than the burst.
 * - `leaky-bucket`: the same meter; an admission is told how long to wait for its turn, so that work flows at
 *   the rate.
 * - `sliding-window`: at most `count` in any stretch of `periodMs`.
 * - `fixed-window`: at most `count` in each window of `periodMs`; windows follow each other from 1970 on
 *   (`aligned`), or each opens with the first admission after the one before has closed (`first-hit`).
 * - `calendar-window`: at most `count` in each unit of a calendar.
 * - `concurrency`: at most `count` held at once; what is not given back is, after `periodMs`.
 */
export type Algorithm =
  | { readonly type: 'token-bucket' | 'leaky-bucket' | 'sliding-window' | 'concurrency' }
  | { readonly type: 'fixed-window'; readonly opens: 'aligned' | 'first-hit' }
  | { readonly type: 'calendar-window'; readonly calendar: Calendar }

export interface LimitPolicy {
  /** Of a calendar window `periodMs` is the length of the longest unit. */
  readonly rate: Rate
  /** Tokens that may be taken at once after a rest. A positive whole number; of windows, the count of the rate. */
  readonly burst: number
  /** Default: the token bucket. */
  readonly algorithm?: Algorithm
}

/** What a side of a network split may admit; see `cluster/partition-policy.ts`. */
export type OnPartition = 'majority' | 'share' | 'open' | 'closed'

/** By what members weigh in a network split: all the same, or by demand; see `cluster/weighing.ts`. */
export type PartitionWeights = 'nodes' | 'demand'

/** A named limit. A check of the rule passes when all its limits allow, and then takes from all of them. */
export interface Rule {
  readonly name: string
  readonly limits: readonly LimitPolicy[]
  /** Default `majority`. */
  readonly onPartition?: OnPartition
  /** Default `nodes`. */
  readonly partitionWeights?: PartitionWeights
  /** Whether the owner of a hot key grants other nodes leases of it. Default: no. */
  readonly leases?: boolean
  /** Whether every node decides by its own counts, and no check is forwarded; see `local-mode.ts`. Default: no. */
  readonly local?: boolean
  /** Weir's own, which no check may name. */
  readonly isInternal?: true
}
