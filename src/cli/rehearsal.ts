import { FORWARD_TIMEOUT_MS_MAX, GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { seededRandom } from '../../cluster/random.ts'
import { incarnationAt, type NodeId } from '../../crdt/node-id.ts'
import { Node } from '../node.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import type { Matched, RuleBook } from '../rules/rule-book.ts'

/** What would have become of a request. */
export interface Rehearsed {
  readonly allowed: boolean
  /** Rules that refused it, those in shadow mode too, and those whose key it lacks. */
  readonly refusals: readonly Refusal[]
  /** Everything that was asked; empty when the request falls under no rule. */
  readonly matched: readonly Matched[]
}

export interface Refusal {
  readonly rule: string
  readonly key: string
  /** Whether the request was let through all the same. */
  readonly isShadow: boolean
}

/** One node alone, in virtual time: decides requests as a cluster would that is whole. */
export class Rehearsal {
  readonly #book: RuleBook
  readonly #node: Node
  #nowMs: number

  constructor(book: RuleBook, startMs: number, keysMax: number) {
    this.#book = book
    this.#nowMs = startMs
    const id = 'rehearsal' as NodeId
    const incarnation = incarnationAt(startMs, 0)
    const self = {
      id,
      name: id,
      incarnation,
      refutation: 0,
      state: 'joining',
      addresses: [],
    } as const
    this.#node = new Node(
      {
        self,
        rules: book.coreRules,
        hashKey: { hi: 1, lo: 2 },
        keysMax,
        gossipIntervalMs: GOSSIP_INTERVAL_MS,
        forwardTimeoutMs: FORWARD_TIMEOUT_MS_MAX,
        joins: false,
      },
      seededRandom(1),
      startMs,
    )
  }

  /** A request by its facts. Times never go back: an earlier one is taken for the last. */
  request(facts: RequestFacts, nowMs: number): Rehearsed {
    this.#advance(nowMs)
    const { matched, missing } = this.#book.resolve(facts, this.#nowMs)
    const lacking = missing.map(({ rule, missing }) => {
      return { rule: rule.name, key: `no ${missing}`, isShadow: rule.mode === 'shadow' }
    })
    return this.#decide(matched, lacking, undefined)
  }

  /** A check that names its rule. Undefined: there is no such rule. */
  named(
    rule: string,
    key: string,
    facts: RequestFacts,
    cost: number | undefined,
    nowMs: number,
  ): Rehearsed | undefined {
    this.#advance(nowMs)
    const matched = this.#book.named(rule, key, facts.descriptor, this.#nowMs)
    return matched && this.#decide([matched], [], cost)
  }

  /** Asks all first, and takes only when none of them refuses; those in shadow mode take by themselves. */
  #decide(
    matched: readonly Matched[],
    lacking: readonly Refusal[],
    cost: number | undefined,
  ): Rehearsed {
    const refused = matched.filter((one) => !this.#hasRoom(one, cost ?? one.rule.cost))
    const refusals = [
      ...lacking,
      ...refused.map(({ rule, key }): Refusal => {
        return { rule: rule.name, key, isShadow: rule.mode === 'shadow' }
      }),
    ]
    const allowed = refusals.every(({ isShadow }) => isShadow)
    for (const one of matched) {
      const takes = !refused.includes(one) && (allowed || one.rule.mode === 'shadow')
      if (takes) this.#check(one, cost ?? one.rule.cost)
    }
    return { allowed, refusals, matched }
  }

  #hasRoom(one: Matched, cost: number): boolean {
    const answer = this.#check(one, 0)
    return answer === undefined || (answer.allowed && answer.remaining >= cost)
  }

  /** Undefined when nothing is counted. */
  #check({ counter, key }: Matched, cost: number) {
    if (counter === undefined) return undefined
    const answer = this.#node.check({ rule: counter, key, cost }, this.#nowMs)
    if (answer.type !== 'answer') throw new Error(`a node alone did not answer: ${answer.type}`)
    return answer
  }

  #advance(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs)
    this.#node.tick(this.#nowMs)
    this.#node.drain(this.#nowMs)
  }
}
