import type { Rejection } from '../limiter/check.ts'
import type { Strategy } from '../metrics/check-tallies.ts'
import type { Metrics, Path, RequestStrategy } from '../metrics/metrics.ts'
import type { RuleAnswer, RuleCheck } from '../rule-answer.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import type { RunningNode } from '../running-node.ts'

export type Outcome = RuleAnswer | Rejection

/** A check that names its rule and key, or a request by what is known of it. */
export type Question =
  | RuleCheck
  | { readonly facts: RequestFacts; readonly cost?: number | undefined }

/** None of several checks was decided, because of these. */
export interface Mistaken {
  readonly type: 'mistaken'
  readonly mistakes: readonly [Mistake, ...Mistake[]]
}

/** What is wrong with one of several checks. */
export interface Mistake {
  /** Which of them, from 0. */
  readonly at: number
  readonly rejection: Rejection
}

/**
 * The node's checks with their metrics. What is decided at once never passes through a promise: there is
 * a promise only for a single check that waits for another node, or for a batch with such checks in it.
 */
export class MeasuredChecks {
  readonly #node: RunningNode
  readonly #metrics: Metrics

  constructor(node: RunningNode, metrics: Metrics) {
    this.#node = node
    this.#metrics = metrics
  }

  one(question: Question): Outcome | Promise<Outcome> {
    const startMs = performance.now()
    const outcome = this.#ask(question)
    if (outcome instanceof Promise) {
      return outcome.then((answer) => this.#measured('forwarded', startMs, question, answer))
    }
    return this.#measured('local', startMs, question, outcome)
  }

  /** The outcomes in the order of the questions. */
  all(questions: readonly Question[]): Outcome[] | Promise<Outcome[]> {
    return this.#node.atOnce(() => this.#all(performance.now(), questions))
  }

  /**
   * The same of checks of one rule, unless there is something wrong with any of them. Then none is decided, and all
   * count as rejected.
   */
  allOrNone(checks: readonly RuleCheck[]): Outcome[] | Promise<Outcome[]> | Mistaken {
    const startMs = performance.now()
    return this.#node.atOnce(() => {
      const [first, ...more] = this.#mistakes(checks)
      if (first === undefined) return this.#all(startMs, checks)
      for (const { rule } of checks) this.#metrics.rejected(rule)
      this.#metrics.decided('none', 'local', secondsSince(startMs))
      return { type: 'mistaken', mistakes: [first, ...more] }
    })
  }

  #all(startMs: number, questions: readonly Question[]): Outcome[] | Promise<Outcome[]> {
    const outcomes = questions.map((question) => this.#ask(question))
    if (outcomes.some((outcome) => outcome instanceof Promise)) {
      return Promise.all(outcomes).then((settled) =>
        this.#allMeasured('forwarded', startMs, questions, settled),
      )
    }
    return this.#allMeasured('local', startMs, questions, outcomes as Outcome[])
  }

  async adjust(action: keyof typeof WORDS, check: RuleCheck): Promise<Outcome> {
    const outcome = await this.#node.adjust(action, check)
    if (outcome.type === 'answer') this.#metrics.adjusted(WORDS[action], outcome.rule)
    return outcome
  }

  /** The check that takes the tokens is counted, too. It is not timed: it always passes through a promise. */
  async reserve(check: RuleCheck, forMs?: number): ReturnType<RunningNode['reserve']> {
    const outcome = await this.#node.reserve(check, forMs)
    const answer = outcome.type === 'reserved' ? outcome.answer : outcome
    this.#counted(check, answer)
    if ('id' in outcome) this.#metrics.adjusted('reserve', outcome.answer.rule)
    return outcome
  }

  async settle(id: string, cost: number): ReturnType<RunningNode['settle']> {
    const outcome = await this.#node.settle(id, cost)
    if (outcome.type === 'settled' && !outcome.again) {
      this.#metrics.adjusted('settle', outcome.answer.rule)
    }
    return outcome
  }

  #mistakes(checks: readonly RuleCheck[]): Mistake[] {
    const mistakes: Mistake[] = []
    for (let at = 0; at < checks.length; at++) {
      const rejection = this.#node.mistake(checks[at] as RuleCheck)
      if (rejection === undefined) continue
      mistakes.push({ at, rejection })
      // What is wrong with the rule or the cost is wrong with all: a thousand times the same would help nobody.
      if (rejection.code !== 'invalid_key') break
    }
    return mistakes
  }

  #ask(question: Question): Outcome | Promise<Outcome> {
    return 'facts' in question
      ? this.#node.checkRequest(question.facts, question.cost)
      : this.#node.check(question)
  }

  #measured(path: Path, startMs: number, question: Question, outcome: Outcome): Outcome {
    const seconds = secondsSince(startMs)
    this.#metrics.decided(this.#counted(question, outcome), path, seconds)
    return outcome
  }

  #allMeasured(
    path: Path,
    startMs: number,
    questions: readonly Question[],
    outcomes: Outcome[],
  ): Outcome[] {
    const seconds = secondsSince(startMs)
    let strategy: RequestStrategy | undefined
    for (const [index, question] of questions.entries()) {
      const own = this.#counted(question, outcomes[index] as Outcome)
      strategy = strategy === undefined || strategy === own ? own : 'mixed'
    }
    this.#metrics.decided(strategy ?? 'none', path, seconds)
    return outcomes
  }

  /** Counts one check. Returns what decided it. */
  #counted(question: Question, outcome: Outcome): Strategy {
    if (outcome.type === 'answer') return this.#metrics.answered(outcome)
    return this.#metrics.rejected('facts' in question ? '' : question.rule)
  }
}

/** Adjustments in the words of the doors. */
const WORDS = { refund: 'refund', penalise: 'penalty', reset: 'reset' } as const

function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1_000
}
