import type { Answer, CheckRequest, Reason } from './limiter/check.ts'
import type { Matched } from './rules/rule-book.ts'

/**
 * Why a check was answered as it was; a closed set. To what counting says, the rules add:
 *
 * - `shadow`: refused by a rule in shadow mode, and therefore allowed.
 * - `override`: an override says that this key is not limited.
 * - `no_rule`: the request falls under no rule, or the rule is off; nothing was counted.
 * - `key_missing`: refused, because the request lacks what it is limited by.
 */
export type AnswerReason = Reason | 'shadow' | 'override' | 'no_rule' | 'key_missing'

/**
 * An answer as the rules give it; `rule` is the name in the rules file, or empty when there is none. Where no
 * limit stands behind an answer `limit` and `remaining` are the largest cost that there is.
 */
export interface RuleAnswer extends Omit<Answer, 'reason'> {
  readonly reason: AnswerReason
  /** What was counted by. Absent for a rule that is as simple as can be: `rule` says it all. */
  readonly matched?: Matched
  /** The variable without which the request has no key, such as `header.x-api-key`. */
  readonly missing?: string
  /** Of a request that falls under several rules: what each of them said, in the order of the file. */
  readonly each?: readonly RuleAnswer[]
}

/** A check that names its rule and its key. */
export interface RuleCheck extends Omit<CheckRequest, 'cost' | 'ageMs'> {
  /** Default: what the rule says, mostly 1. */
  readonly cost?: number | undefined
  /** What else is known; a rule may choose its tier by it. */
  readonly descriptor?: ((name: string) => string | undefined) | undefined
}
