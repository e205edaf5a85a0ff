import type { Answer, CheckRequest, Rejection } from '../limiter/check.ts'
import type { Metrics } from '../metrics.ts'
import type { RunningNode } from '../running-node.ts'

export type Outcome = Answer | Rejection

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

  one(request: CheckRequest): Outcome | Promise<Outcome> {
    const startMs = performance.now()
    const outcome = this.#node.check(request)
    if (outcome instanceof Promise) {
      return outcome.then((answer) => {
        this.#metrics.decided('forwarded', secondsSince(startMs))
        return this.#counted(request, answer)
      })
    }
    this.#metrics.decided('local', secondsSince(startMs))
    return this.#counted(request, outcome)
  }

  /** The outcomes in the order of the requests. */
  all(requests: readonly CheckRequest[]): Outcome[] | Promise<Outcome[]> {
    const startMs = performance.now()
    const outcomes = new Array<Outcome>(requests.length)
    const awaited: Promise<void>[] = []
    requests.forEach((request, index) => {
      const outcome = this.#node.check(request)
      if (outcome instanceof Promise) {
        const settled = outcome.then((answer) => {
          outcomes[index] = this.#counted(request, answer)
        })
        awaited.push(settled)
      } else {
        outcomes[index] = this.#counted(request, outcome)
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

  #counted(request: CheckRequest, outcome: Outcome): Outcome {
    if (outcome.type === 'answer') this.#metrics.answered(outcome)
    else this.#metrics.rejected(request.rule)
    return outcome
  }
}

function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1_000
}
