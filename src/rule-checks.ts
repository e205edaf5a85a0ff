import { COUNT_MAX } from '../crdt/sliced-counter.ts'
import { type Counting, checkAll, letThrough, ownWords, type Part } from './check-all.ts'
import { Consequences } from './consequences.ts'
import type { Adjustment, Answer, CheckRequest, Rejection } from './limiter/check.ts'
import { adjustmentMistake, unknownRule } from './limiter/rejection.ts'
import type { Reserved } from './reservations.ts'
import type { AnswerReason, RuleAnswer, RuleCheck } from './rule-answer.ts'
import type { RequestFacts } from './rules/request-facts.ts'
import type { Matched, MissingKey, RuleBook } from './rules/rule-book.ts'

export interface RuleChecksDependencies {
  readonly book: RuleBook
  readonly counting: Counting
  /** What `counting.check` would reject. */
  readonly mistake: (request: CheckRequest) => Rejection | undefined
  /** What the node that answers is called. */
  readonly nodeName: string
  readonly nowMs: () => number
}

const nothing = (): undefined => undefined

/**
 * Puts checks to the rules: which tier or override counts, what shadow mode lets through, and which rules a
 * request falls under. Whoever asks never learns how a rule is counted.
 */
export class RuleChecks {
  readonly #book: RuleBook
  /** For rules without tiers, overrides, shadow mode or consequences. */
  readonly #simple: Counting
  readonly #counting: Counting
  readonly #mistake: RuleChecksDependencies['mistake']
  readonly #nodeName: string
  readonly #nowMs: () => number

  constructor({ book, counting, mistake, nodeName, nowMs }: RuleChecksDependencies) {
    this.#book = book
    this.#simple = counting
    this.#counting = new Consequences(counting, book.consequences)
    this.#mistake = mistake
    this.#nodeName = nodeName
    this.#nowMs = nowMs
  }

  /** See `RunningNode.check`. */
  check(check: RuleCheck): RuleAnswer | Rejection | Promise<RuleAnswer> {
    const simpleCost = this.#book.simpleCost(check.rule)
    if (simpleCost !== undefined) return this.#simple.check(withCost(check, simpleCost))
    return this.#one(check, (request) => this.#counting.check(request))
  }

  /** See `RunningNode.mistake`. */
  mistake(check: RuleCheck): Rejection | undefined {
    const simpleCost = this.#book.simpleCost(check.rule)
    if (simpleCost !== undefined) return this.#mistake(withCost(check, simpleCost))
    const part = this.#named(check)
    if (part.type !== 'counted') return part.type === 'rejected' ? part : undefined
    const mistake = this.#mistake(part.request)
    return mistake && (ownWords(mistake, part.matched) as Rejection)
  }

  /** See `RunningNode.adjust`. */
  adjust(action: Adjustment, check: RuleCheck): RuleAnswer | Rejection | Promise<RuleAnswer> {
    return this.#one(check, (request) => this.#counting.adjust(action, request))
  }

  /** See `RunningNode.reserve`. What is not counted is nothing to settle. */
  async reserve(
    check: RuleCheck,
    take: (request: CheckRequest, counting: Counting) => Promise<Reserved | Rejection>,
  ): Promise<Reserved<RuleAnswer> | Rejection> {
    const part = this.#named(check)
    if (part.type === 'rejected') return part
    if (part.type === 'settled') return { type: 'reserved', answer: part.answer, expiresInMs: 0 }
    const outcome = await take(part.request, this.#counting)
    if (outcome.type === 'rejected') return ownWords(outcome, part.matched) as Rejection
    return { ...outcome, answer: ownWords(outcome.answer, part.matched) as RuleAnswer }
  }

  /** See `RunningNode.checkRequest`. */
  checkRequest(
    facts: RequestFacts,
    cost: number | undefined,
  ): RuleAnswer | Rejection | Promise<RuleAnswer | Rejection> {
    const { matched, missing } = this.#book.resolve(facts, this.#nowMs())
    if (matched.length + missing.length === 0) return this.#uncounted('', 'no_rule')
    const parts = [
      ...missing.map((one): Part => ({ type: 'settled', answer: this.#withoutKey(one) })),
      ...matched.map((one) => this.#part(one, cost)),
    ]
    return checkAll(this.#counting, parts, this.#nowMs)
  }

  #one(
    check: RuleCheck,
    act: (request: CheckRequest) => Answer | Rejection | Promise<Answer>,
  ): RuleAnswer | Rejection | Promise<RuleAnswer> {
    const part = this.#named(check)
    if (part.type === 'rejected') return part
    if (part.type === 'settled') return part.answer
    const { matched, request } = part
    const outcome = act(request)
    if (!(outcome instanceof Promise)) return ownWords(outcome, matched)
    // What is waited for is an answer: mistakes are told at once.
    return outcome.then((answer) => ownWords(answer, matched) as RuleAnswer)
  }

  /** What is to be counted for a check that names its rule. */
  #named({ rule, key, cost, descriptor = nothing }: RuleCheck): Part | Rejection {
    const matched = this.#book.named(rule, key, descriptor, this.#nowMs())
    if (matched === undefined) return this.unknownRule(rule)
    const part = this.#part(matched, cost)
    if (part.type === 'counted') return part
    return adjustmentMistake({ rule, key, cost: cost ?? matched.rule.cost }) ?? part
  }

  #part(matched: Matched, cost: number | undefined): Part {
    const { counter, key, rule } = matched
    if (counter === undefined) return { type: 'settled', answer: this.#unlimited(matched) }
    return { type: 'counted', matched, request: { rule: counter, key, cost: cost ?? rule.cost } }
  }

  #unlimited(matched: Matched): RuleAnswer {
    const { rule, override } = matched
    const limited = override === undefined ? 'under_limit' : 'override'
    const reason = rule.mode === 'off' ? 'no_rule' : limited
    return Object.assign(this.#uncounted(rule.name, reason), { matched })
  }

  #withoutKey({ rule, missing }: MissingKey): RuleAnswer {
    const uncounted = this.#uncounted(rule.name, 'key_missing')
    const refusal = Object.assign(uncounted, { allowed: false, remaining: 0, missing })
    return rule.mode === 'shadow' ? letThrough(refusal) : refusal
  }

  #uncounted(rule: string, reason: AnswerReason): RuleAnswer {
    return {
      type: 'answer',
      allowed: true,
      rule,
      limit: COUNT_MAX,
      remaining: COUNT_MAX,
      retryAfterMs: 0,
      resetMs: 0,
      reason,
      decidedBy: 'local',
      consistency: 'exact',
      overshootBound: 0,
      weight: 1,
      owner: this.#nodeName,
      node: this.#nodeName,
      limitIndex: 0,
    }
  }

  unknownRule(rule: string): Rejection {
    const known = this.#book.definitions.map(({ name }) => name)
    return unknownRule(rule, known)
  }
}

/** The check itself where it can be, as most checks come this way. */
function withCost(check: RuleCheck, otherwise: number): CheckRequest {
  const { rule, key, cost } = check
  return cost === undefined ? { rule, key, cost: otherwise } : (check as CheckRequest)
}
