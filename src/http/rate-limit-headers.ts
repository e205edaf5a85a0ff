import { isAscii, serializeList, serializeString } from 'structured-headers'
import type { Answer } from '../limiter/check.ts'
import type { LimitPolicy, Rule } from '../limiter/policy.ts'
import type { HeaderFamily } from '../rules/definition.ts'

export type { HeaderFamily } from '../rules/definition.ts'

/** The largest Integer of a structured field (RFC 9651). */
const INTEGER_MAX = 999_999_999_999_999
const MS_PER_SECOND = 1_000

/** What of a rule's header fields is the same in every answer. */
interface RuleFields {
  /** The whole `RateLimit-Policy` field. */
  readonly policy: string
  /** For each limit, the `RateLimit` field up to the number of `r`. */
  readonly prefixes: readonly string[]
}

/**
 * Names of a rule's policies in headers and problems: the rule's own name when it has one limit, else
 * `rule/1`, `rule/2` ... in the order of its limits.
 */
export function policyName(rule: Rule, limitIndex: number): string {
  return rule.limits.length === 1 ? rule.name : `${rule.name}/${limitIndex + 1}`
}

/** Whole seconds until a refused check may be repeated; at least 1, because 0 would invite it at once. */
export function retryAfterSeconds({ retryAfterMs }: Pick<Answer, 'retryAfterMs'>): number {
  return Math.max(1, Math.ceil(retryAfterMs / MS_PER_SECOND))
}

/** Makes the header fields of answers: one object for each, its constant parts made once per rule. */
export class RateLimitHeaders {
  readonly #fields: ReadonlyMap<string, RuleFields>
  readonly #draft: boolean
  readonly #legacy: boolean

  /** `rules` are fixed for as long as the door is open. */
  constructor(rules: readonly Rule[], family: HeaderFamily) {
    this.#fields = new Map(rules.map((rule) => [rule.name, fieldsOf(rule)]))
    this.#draft = family === 'draft-11' || family === 'both'
    this.#legacy = family === 'legacy' || family === 'both'
  }

  /**
   * - `RateLimit`: `r` tokens are available, `t` is the time in seconds after which a refused check may be
   *   repeated, or after which the burst is whole again.
   * - `X-RateLimit-Reset`: seconds from now until the burst is whole again.
   * - `Retry-After` on every refusal, in every family.
   */
  of(answer: Answer): Record<string, string> {
    const headers: Record<string, string> = {}
    const resetSeconds = Math.ceil(answer.resetMs / MS_PER_SECOND)
    const fields = this.#draft ? this.#fields.get(answer.rule) : undefined
    if (fields !== undefined) {
      const windowSeconds = answer.allowed ? resetSeconds : retryAfterSeconds(answer)
      headers['ratelimit-policy'] = fields.policy
      headers.ratelimit = `${fields.prefixes[answer.limitIndex]}${integer(answer.remaining)};t=${integer(windowSeconds)}`
    }
    if (this.#legacy) Object.assign(headers, legacyFields(answer))
    if (!answer.allowed) headers['retry-after'] = `${retryAfterSeconds(answer)}`
    return headers
  }
}

/** The fields of the family `legacy`. */
export function legacyFields(
  answer: Pick<Answer, 'limit' | 'remaining' | 'resetMs'>,
): Record<string, string> {
  return {
    'x-ratelimit-limit': `${answer.limit}`,
    'x-ratelimit-remaining': `${answer.remaining}`,
    'x-ratelimit-reset': `${Math.ceil(answer.resetMs / MS_PER_SECOND)}`,
  }
}

function fieldsOf(rule: Rule): RuleFields {
  const names = rule.limits.map((_, index) => fieldName(policyName(rule, index)))
  return {
    policy: serializeList(rule.limits.map((limit, i) => [names[i] ?? '', policyParameters(limit)])),
    prefixes: names.map((name) => `${serializeString(name)};r=`),
  }
}

/** `q` is the rate's count, `w` its period; left out when the period is not whole seconds, as `w` must be. */
function policyParameters({ rate }: LimitPolicy): Map<string, number> {
  const parameters = new Map([['q', integer(rate.count)]])
  if (rate.periodMs % MS_PER_SECOND === 0) {
    parameters.set('w', integer(rate.periodMs / MS_PER_SECOND))
  }
  return parameters
}

/** A String of a structured field holds ASCII only; other names are percent-encoded. */
function fieldName(name: string): string {
  return isAscii(name) ? name : encodeURIComponent(name)
}

function integer(value: number): number {
  return Math.min(value, INTEGER_MAX)
}
