import type { RefusalReason } from './decision.ts'
import type { KeyHash } from './key-hash.ts'

/**
 * What else can be done to a key, with no limit asked: give tokens back (`refund`), and those whose time is
 * known (`undo`), take them whether or not there is room (`penalise`), or give everything back (`reset`).
 */
export const ADJUSTMENTS = ['refund', 'undo', 'penalise', 'reset'] as const
export type Adjustment = (typeof ADJUSTMENTS)[number]

/** One question to the limiter. */
export interface CheckRequest {
  readonly rule: string
  /** Who is limited: any string of 1 to `KEY_BYTES_MAX` bytes in UTF-8. */
  readonly key: string
  /** Tokens to take: a whole number from 0 (ask, take nothing) to the rule's smallest burst. */
  readonly cost: number
  /** Of an `undo`: how long ago the tokens were taken. Default: just now. */
  readonly ageMs?: number | undefined
}

/** The same of a key whose text is not known here. */
export interface HashedRequest {
  readonly rule: string
  readonly key: KeyHash
  readonly cost: number
  /** Of an `undo`: how long ago the tokens were taken. Default: just now. */
  readonly ageMs?: number | undefined
}

/**
 * Who decided: the key's owner, now or when it granted this node a lease; a stand-in for it, this node's memory of a
 * refusal, or this node alone.
 */
export type DecidedBy = 'owner' | 'lease' | 'replica' | 'cache' | 'local'

/**
 * How much the answer can be relied on: `exact` from the owner; `degraded` from a stand-in while the owner
 * cannot be reached; `partitioned` while members that may be alive are out of reach.
 */
export type Consistency = 'exact' | 'degraded' | 'partitioned'

/** The closed set of reasons; also a metric label. */
export type Reason = 'under_limit' | RefusalReason

/** The answer to one check: what was decided, by whom, and how far it can be off. */
export interface Answer {
  readonly type: 'answer'
  readonly allowed: boolean
  readonly rule: string
  /** The burst of the limit that the numbers describe. */
  readonly limit: number
  readonly remaining: number
  /** 0 when allowed; else the milliseconds after which the same check is allowed if nobody else takes anything. */
  readonly retryAfterMs: number
  readonly resetMs: number
  readonly reason: Reason
  readonly decidedBy: DecidedBy
  readonly consistency: Consistency
  /** Tokens that may at most have been admitted above the limit in the regime of this answer. */
  readonly overshootBound: number
  /** The share of the limits that this side of the network gives out, from 0 to 1; 1 while nobody is out of reach. */
  readonly weight: number
  /** Names of the key's owner and of the node that answers. */
  readonly owner: string
  readonly node: string
  /** Which of the rule's limits the numbers describe; for response headers, not part of the JSON. */
  readonly limitIndex: number
  /** Of a rule with a leaky bucket: milliseconds to wait before the work is begun, so that it flows at the rate. */
  readonly delayMs?: number | undefined
}

/** Why a check cannot be put to the limiter at all. Stable codes, listed in docs/reference/errors.md. */
export type RejectionCode = 'unknown_rule' | 'invalid_cost' | 'invalid_key'

/** The caller's mistake. Nothing was counted. */
export interface Rejection {
  readonly type: 'rejected'
  readonly code: RejectionCode
  /** What is wrong, where, and how to mend it. */
  readonly detail: string
}

/** Bytes of a key in UTF-8. */
export const KEY_BYTES_MAX = 256
