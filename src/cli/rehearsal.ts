import { FORWARD_TIMEOUT_MS_MAX, GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { seededRandom } from '../../cluster/random.ts'
import { incarnationAt, type NodeId } from '../../crdt/node-id.ts'
import type { RuleOutcome } from '../check-all.ts'
import { Node, type Pending } from '../node.ts'
import { RuleChecks } from '../rule-checks.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import type { RuleBook } from '../rules/rule-book.ts'

/** What would have become of a request. */
export interface Rehearsed {
  readonly allowed: boolean
  /** Rules that refused it, those in shadow mode too, and those whose key it lacks. */
  readonly refusals: readonly Refusal[]
  /** Everything that was asked; empty when the request falls under no rule. */
  readonly matched: readonly Asked[]
}

/** A rule that was asked, and for whom. */
export interface Asked {
  readonly rule: string
  readonly key: string
  /** Whether it is in shadow mode: a refusal is let through all the same. */
  readonly isShadow: boolean
}

export type Refusal = Asked

/** One node alone, in virtual time: decides requests as a cluster would that is whole. */
export class Rehearsal {
  readonly #book: RuleBook
  readonly #node: Node
  readonly #checks: RuleChecks
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
    this.#checks = new RuleChecks({
      book,
      nodeName: id,
      nowMs: () => this.#nowMs,
      counting: {
        check: (request) => alone(this.#node.check(request, this.#nowMs)),
        adjust: (action, request) => alone(this.#node.adjust(action, request, this.#nowMs)),
      },
      mistake: (request) => this.#node.mistake(request),
    })
  }

  /** A request by its facts. Times never go back: an earlier one is taken for the last. */
  request(facts: RequestFacts, nowMs: number): Rehearsed {
    this.#advance(nowMs)
    return rehearsed(this.#checks.checkRequest(facts, undefined))
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
    if (!this.#book.definitions.some(({ name }) => name === rule)) return undefined
    const check = { rule, key, cost, descriptor: facts.descriptor }
    return rehearsed(this.#checks.check(check), key)
  }

  #advance(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs)
    this.#node.tick(this.#nowMs)
    this.#node.drain(this.#nowMs)
  }
}

/** `key` is for rules that say no more than their names. */
function rehearsed(outcome: RuleOutcome | Promise<RuleOutcome>, key = ''): Rehearsed {
  const answer = alone(outcome)
  if (answer.type === 'rejected') {
    const refusal = { rule: 'the check', key: answer.detail, isShadow: false }
    return { allowed: false, refusals: [refusal], matched: [] }
  }
  const each = answer.each ?? (answer.rule === '' ? [] : [answer])
  const refused = each.filter(({ allowed, reason }) => !allowed || reason === 'shadow')
  return {
    allowed: answer.allowed,
    refusals: refused.map(({ rule, reason, matched, missing }): Refusal => {
      const told = missing === undefined ? (matched?.key ?? key) : `no ${missing}`
      return { rule, key: told, isShadow: reason === 'shadow' }
    }),
    matched: each
      .filter(({ missing }) => missing === undefined)
      .map(({ rule, matched }) => {
        return { rule, key: matched?.key ?? key, isShadow: matched?.rule.mode === 'shadow' }
      }),
  }
}

/** A node alone never waits. */
function alone<T extends { readonly type: string }>(outcome: T | Promise<T> | Pending) {
  if (outcome instanceof Promise || outcome.type === 'pending') {
    throw new Error('a node alone did not answer')
  }
  return outcome as T
}
