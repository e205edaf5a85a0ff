import { isAscii, serializeList, serializeString } from 'structured-headers'
import type { Answer } from '../limiter/check.ts'
import type { LimitPolicy, Rule } from '../limiter/policy.ts'
import type { RuleAnswer } from '../rule-answer.ts'
import type { HeaderFamily } from '../rules/definition.ts'
import type { RuleBook } from '../rules/rule-book.ts'
import { ownName } from '../rules/variant.ts'

export type { HeaderFamily } from '../rules/definition.ts'

/** The largest Integer of a structured field (RFC 9651). */
const INTEGER_MAX = 999_999_999_999_999
const MS_PER_SECOND = 1_000

/** What of a rule's header fields is the same in every answer. */
interface RuleFields {
  /** What its limits are called, in their order. */
  readonly names: readonly string[]
  /** The whole `RateLimit-Policy` field. */
  readonly policy: string
  /** For each limit, the `RateLimit` field up to the number of `r`. */
  readonly prefixes: readonly string[]
  readonly draft: boolean
  readonly legacy: boolean
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

/** What of an answer its header fields tell; those of a sidecar and of a core rule have less than a `RuleAnswer`. */
type Told = Pick<
  RuleAnswer,
  'allowed' | 'rule' | 'limit' | 'remaining' | 'retryAfterMs' | 'resetMs' | 'limitIndex'
> &
  Partial<Pick<RuleAnswer, 'matched' | 'missing'>> & { readonly each?: readonly Told[] }

/** What enforces rules; they may become others. */
export interface Enforcing {
  readonly book: Pick<RuleBook, 'coreRules' | 'definitions'>
}

/** Makes the header fields of answers: one object for each, its constant parts made once per rule. */
export class RateLimitHeaders {
  readonly #node: Enforcing
  readonly #family: HeaderFamily
  #book: Enforcing['book']
  #fields: ReadonlyMap<string, RuleFields>

  /**
   * `family` is for rules that name none of their own. Of rules in shadow mode clients are told nothing.
   */
  constructor(node: Enforcing, family: HeaderFamily) {
    this.#node = node
    this.#family = family
    this.#book = node.book
    this.#fields = fieldsByCounter(node.book, family)
  }

  /**
   * - `RateLimit-Policy`: the limits of all rules that were asked.
   * - `RateLimit`: `r` tokens are available, `t` is the time in seconds after which a refused check may be
   *   repeated, or after which the burst is whole again.
   * - `X-RateLimit-Reset`: seconds from now until the burst is whole again.
   * - `Retry-After` on every refusal that waiting helps against, in every family.
   */
  of(answer: Told): Record<string, string> {
    const headers: Record<string, string> = {}
    if (answer.each === undefined) this.#describe(answer, headers)
    else this.#describeAll(answer, answer.each, headers)
    if (!answer.allowed && answer.missing === undefined) {
      headers['retry-after'] = `${retryAfterSeconds(answer)}`
    }
    return headers
  }

  /** What the limit is called that the answer's numbers describe. */
  policy(answer: Told): string {
    return this.#fieldsFor(answer)?.names[answer.limitIndex] ?? answer.rule
  }

  #describe(answer: Told, headers: Record<string, string>): void {
    const fields = this.#fieldsFor(answer)
    const prefix = fields?.prefixes[answer.limitIndex]
    // An answer may be by rules that have become others since it was asked for.
    if (fields === undefined || prefix === undefined) return
    if (fields.draft) {
      const resetSeconds = Math.ceil(answer.resetMs / MS_PER_SECOND)
      const windowSeconds = answer.allowed ? resetSeconds : retryAfterSeconds(answer)
      headers['ratelimit-policy'] = fields.policy
      headers.ratelimit = `${prefix}${integer(answer.remaining)};t=${integer(windowSeconds)}`
    }
    if (fields.legacy) Object.assign(headers, legacyFields(answer))
  }

  /** The numbers are of the answer's own rule, or where that tells none, of the rule with the least left. */
  #describeAll(answer: Told, each: readonly Told[], headers: Record<string, string>): void {
    const told = each.filter((one) => {
      const fields = this.#fieldsFor(one)
      return fields?.draft === true || fields?.legacy === true
    })
    const own = told.find(({ rule }) => rule === answer.rule)
    const [first, ...others] = told
    if (first === undefined) return
    const least = others.reduce((a, b) => (b.remaining < a.remaining ? b : a), first)
    this.#describe(own ?? least, headers)
    if (headers['ratelimit-policy'] === undefined) return
    const drafts = told.map((one) => this.#fieldsFor(one)).filter((fields) => fields?.draft)
    headers['ratelimit-policy'] = drafts.map((fields) => fields?.policy).join(', ')
  }

  /** Of what was not counted there are none. */
  #fieldsFor({ rule, matched, missing }: Told): RuleFields | undefined {
    if (missing !== undefined) return undefined
    if (this.#book !== this.#node.book) {
      this.#book = this.#node.book
      this.#fields = fieldsByCounter(this.#book, this.#family)
    }
    return this.#fields.get(matched === undefined ? rule : (matched.counter ?? ''))
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

function fieldsByCounter(
  { coreRules, definitions }: Enforcing['book'],
  family: HeaderFamily,
): Map<string, RuleFields> {
  const definitionOf = new Map(definitions.map((one) => [one.name, one]))
  return new Map(
    coreRules.map((counter) => {
      const rule = { ...counter, name: ownName(counter.name) }
      const definition = definitionOf.get(rule.name)
      const own = definition?.mode === 'shadow' ? 'none' : (definition?.headers ?? family)
      return [counter.name, fieldsOf(rule, own)]
    }),
  )
}

function fieldsOf(rule: Rule, family: HeaderFamily): RuleFields {
  const names = rule.limits.map((_, index) => policyName(rule, index))
  const written = names.map(fieldName)
  return {
    names,
    policy: serializeList(
      rule.limits.map((limit, i) => [written[i] ?? '', policyParameters(limit)]),
    ),
    prefixes: written.map((name) => `${serializeString(name)};r=`),
    draft: family === 'draft-11' || family === 'both',
    legacy: family === 'legacy' || family === 'both',
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
