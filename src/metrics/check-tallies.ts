import type { Algorithm, Rule } from '../limiter/policy.ts'
import type { AnswerReason, RuleAnswer } from '../rule-answer.ts'
import { ownName } from '../rules/variant.ts'

/** What decided a check: the algorithm of the limit that the answer's numbers describe; `none`: nothing was counted. */
export type Strategy = Algorithm['type'] | 'none'

export type Denial = Exclude<AnswerReason, 'under_limit' | 'override' | 'no_rule' | 'shadow'>

/** What else is done to keys, in the words of the doors. */
export type AdjustmentWord = 'refund' | 'penalty' | 'reserve' | 'settle' | 'reset'

/** The rules of a file, and what is counted by for them; a `RuleBook` is one. */
export interface TalliedRules {
  readonly definitions: readonly { readonly name: string }[]
  readonly coreRules: readonly Rule[]
}

/** One rule's checks that one strategy decided. */
export class StrategyTally {
  readonly strategy: Strategy
  allowed = 0
  shadowed = 0
  readonly denied: Record<Denial, number> = {
    over_limit: 0,
    partition_share: 0,
    partition_closed: 0,
    overloaded: 0,
    key_missing: 0,
  }

  constructor(strategy: Strategy) {
    this.strategy = strategy
  }
}

/** What was asked of one rule. */
export class RuleTally {
  readonly uncounted = new StrategyTally('none')
  /** Of every strategy that its limits, its tiers and its overrides have. */
  readonly strategies = new Map<Strategy, StrategyTally>([['none', this.uncounted]])
  rejected = 0
  readonly adjusted: Record<AdjustmentWord, number> = {
    refund: 0,
    penalty: 0,
    reserve: 0,
    settle: 0,
    reset: 0,
  }

  of(strategy: Strategy): StrategyTally {
    const tally = this.strategies.get(strategy) ?? new StrategyTally(strategy)
    this.strategies.set(strategy, tally)
    return tally
  }
}

/** Counts checks by rule and by what decided them, since the start. A check costs a look-up and an increment. */
export class CheckTallies {
  readonly #rules = new Map<string, RuleTally>()
  /** Of each core rule, the tally of each of its limits. */
  readonly #ofLimits = new Map<string, readonly StrategyTally[]>()
  /** Requests under no rule, and checks of a rule that there is not. */
  noRule = 0
  unknownRule = 0

  constructor(rules: TalliedRules) {
    this.follow(rules)
  }

  get rules(): ReadonlyMap<string, RuleTally> {
    return this.#rules
  }

  /** Other rules from now on; what was counted of those that stay goes on. */
  follow({ definitions, coreRules }: TalliedRules): void {
    const former = new Map(this.#rules)
    this.#rules.clear()
    for (const { name } of definitions) this.#rules.set(name, former.get(name) ?? new RuleTally())
    this.#ofLimits.clear()
    for (const { name, limits } of coreRules) {
      const tally = this.#rules.get(ownName(name))
      if (tally === undefined) continue
      const ofLimits = limits.map(({ algorithm }) => tally.of(algorithm?.type ?? 'token-bucket'))
      this.#ofLimits.set(name, ofLimits)
    }
  }

  /** Those that the rules may have, and `none`. */
  get strategies(): ReadonlySet<Strategy> {
    return new Set([...this.#rules.values()].flatMap(({ strategies }) => [...strategies.keys()]))
  }

  /** Under several rules, each is counted by what it said itself. Returns what decided the answer as a whole. */
  answered(answer: RuleAnswer): Strategy {
    const tally = this.#tallyOf(answer)
    if (answer.each !== undefined) {
      for (const one of answer.each) count(one, this.#tallyOf(one))
    } else if (tally !== undefined) {
      count(answer, tally)
    } else if (answer.reason === 'no_rule') {
      this.noRule++
    }
    return tally?.strategy ?? 'none'
  }

  /** All unknown rules share one series: a caller must not make labels. */
  rejected(rule: string): void {
    const tally = this.#rules.get(rule)
    if (tally === undefined) this.unknownRule++
    else tally.rejected++
  }

  adjusted(word: AdjustmentWord, rule: string): void {
    const tally = this.#rules.get(rule)
    if (tally !== undefined) tally.adjusted[word]++
  }

  #tallyOf(answer: RuleAnswer): StrategyTally | undefined {
    const { rule, matched, missing, limitIndex } = answer
    // A rule that is as simple as can be is counted by its own name.
    const counter = matched === undefined ? rule : matched.counter
    const isCounted = counter !== undefined && missing === undefined
    const ofLimits = isCounted ? this.#ofLimits.get(counter) : undefined
    return ofLimits?.[limitIndex] ?? this.#rules.get(rule)?.uncounted
  }
}

function count({ allowed, reason }: RuleAnswer, tally: StrategyTally | undefined): void {
  if (tally === undefined) return
  if (reason === 'shadow') tally.shadowed++
  else if (allowed) tally.allowed++
  else if (Object.hasOwn(tally.denied, reason)) tally.denied[reason as Denial]++
}
