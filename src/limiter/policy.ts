/** What a rule says, in its author's own numbers. Pure data; `limit.ts` derives the arithmetic. */

/** `count` tokens every `periodMs` milliseconds; both positive whole numbers. */
export interface Rate {
  readonly count: number
  readonly periodMs: number
}

export interface LimitPolicy {
  readonly rate: Rate
  /** Tokens that may be taken at once after a rest: the bucket's size. A positive whole number. */
  readonly burst: number
}

/** What a side of a network split may admit; see `cluster/partition-policy.ts`. */
export type OnPartition = 'majority' | 'share' | 'open' | 'closed'

/** A named limit. A check of the rule passes when all its limits allow, and then takes from all of them. */
export interface Rule {
  readonly name: string
  readonly limits: readonly LimitPolicy[]
  /** Default `majority`. */
  readonly onPartition?: OnPartition
}
