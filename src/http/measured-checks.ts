import type { Rejection } from '../limiter/check.ts'
import type { Metrics } from '../metrics.ts'
import type { RuleAnswer, RuleCheck } from '../rule-answer.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import type { RunningNode } from '../running-node.ts'

export type Outcome = RuleAnswer | Rejection

/** A check that names its rule and key, or a request by what is known of it. */
export type Question =
  | RuleCheck
  | { readonly facts: RequestFacts; readonly cost?: number | undefined }

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
      return outcome.then((answer) => {
        this.#metrics.decided('forwarded', secondsSince(startMs))
        return this.#counted(question, answer)
      })
    }
    this.#metrics.decided('local', secondsSince(startMs))
    return this.#counted(question, outcome)
  }

  /** The outcomes in the order of the questions. */
  all(questions: readonly Question[]): Outcome[] | Promise<Outcome[]> {
    const startMs = performance.now()
    const outcomes = new Array<Outcome>(questions.length)
    const awaited: Promise<void>[] = []
    questions.forEach((question, index) => {
      const outcome = this.#ask(question)
      if (outcome instanceof Promise) {
        const settled = outcome.then((answer) => {
          outcomes[index] = this.#counted(question, answer)
        })
        awaited.push(settled)
      } else {
        outcomes[index] = this.#counted(question, outcome)
      }
    })
    if (awaited.length > 0) {
      return Promise.all(awaited).then(() => {
        this.#metrics.decided('forwarded', secondsSince(startMs))
        return outcomes
      })
    }
    this.#metrics.decided('local', secondsSince(startMs))
    return outcomes
  }

  #ask(question: Question): Outcome | Promise<Outcome> {
    return 'facts' in question
      ? this.#node.checkRequest(question.facts, question.cost)
      : this.#node.check(question)
  }

  #counted(question: Question, outcome: Outcome): Outcome {
    if (outcome.type === 'answer') this.#metrics.answered(outcome)
    else this.#metrics.rejected('facts' in question ? '' : question.rule)
    return outcome
  }
}

function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1_000
}
