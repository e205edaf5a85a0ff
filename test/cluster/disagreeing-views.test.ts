import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HAND_OFF_MS_MAX, HOPS_MAX, TICK_MS } from '../../cluster/limits.ts'
import type { MemberRecord, MemberState, Message } from '../../cluster/message.ts'
import { seededRandom } from '../../cluster/random.ts'
import { decode, encode } from '../../cluster/wire.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Answer } from '../../src/limiter/check.ts'
import { Node } from '../../src/node.ts'
import { NOW_MS, policyOf, ruleOf } from '../support/limiters.ts'

const IDS = ['n0', 'n1', 'n2', 'n3'] as NodeId[]
const RULE = ruleOf(policyOf(100, 1_000, 100))

function recordOf(id: NodeId, state: MemberState): MemberRecord {
  return { id, name: id, incarnation: 1, refutation: 0, state, addresses: [] }
}

/**
 * Nodes that are told once who is in the ring, each something else, and then nothing but forwards and
 * replies reach them: whatever they believe of each other, they never learn better.
 */
class Quarrel {
  readonly nodes: readonly Node[]
  readonly answers = new Map<string, Answer[]>()
  /** The hops of each check that travelled, and between whom. */
  readonly hops: number[] = []
  readonly paths: [from: number, to: number][] = []
  nowMs = NOW_MS

  /** `views[i][j]`: whether node i believes node j to be in the ring. `links[i][j]`: whether i reaches j. */
  constructor(views: readonly boolean[][], links: readonly boolean[][]) {
    this.nodes = IDS.map((id, at) => {
      const self = recordOf(id, views[at]?.[at] ? 'active' : 'joining')
      const options = { hashKey: { hi: 1, lo: 2 }, keysMax: 64, gossipIntervalMs: 500 }
      const node = new Node(
        { ...options, self, rules: [RULE], forwardTimeoutMs: 150, joins: true },
        seededRandom(at),
        NOW_MS,
      )
      const members = IDS.map((other, to) =>
        recordOf(other, views[at]?.[to] ? 'active' : 'joining'),
      )
      node.receive('n9' as NodeId, { type: 'hello', view: 0, members }, NOW_MS)
      for (const [to, other] of IDS.entries()) {
        if (to !== at && links[at]?.[to]) node.receive(other, { type: 'linked' }, NOW_MS)
      }
      return node
    })
    for (const node of this.nodes) node.drain(NOW_MS)
  }

  ask(at: number, key: string): void {
    const outcome = (this.nodes[at] as Node).check({ rule: 'rule', key, cost: 1 }, this.nowMs)
    if (outcome.type === 'rejected') throw new Error(outcome.detail)
    if (outcome.type === 'answer') this.#answered(`${at}/at once/${key}`, outcome)
    else this.answers.set(`${at}/${outcome.id}`, [])
  }

  /** Lets everything arrive at once, until nothing moves. `loses` decides which frames do not. */
  settle(loses: (from: number, to: number) => boolean = () => false): void {
    for (let round = 0; round < 20; round++) {
      for (const [at, node] of this.nodes.entries()) {
        const effects = node.drain(this.nowMs)
        for (const { id, answer } of effects.answers) this.#answered(`${at}/${id}`, answer)
        for (const outbound of effects.outbound) {
          if (outbound.type !== 'send') continue
          const to = IDS.indexOf(outbound.to)
          if (!loses(at, to)) this.#deliver(at, to, outbound.message)
        }
      }
    }
  }

  pass(byMs: number, loses: (from: number, to: number) => boolean): void {
    for (const untilMs = this.nowMs + byMs; this.nowMs < untilMs; ) {
      this.nowMs += TICK_MS
      for (const node of this.nodes) node.tick(this.nowMs)
      this.settle(loses)
    }
  }

  #deliver(from: number, to: number, message: Message): void {
    if (message.type !== 'forward' && message.type !== 'reply') return
    const decoded = decode(encode(message))
    if (decoded.type === 'malformed') throw new Error(decoded.reason)
    if (message.type === 'forward') this.paths.push([from, to])
    if (message.type === 'forward') this.hops.push(...message.checks.map(({ hops }) => hops))
    this.nodes[to]?.receive(IDS[from] as NodeId, decoded.message, this.nowMs)
  }

  #answered(check: string, answer: Answer): void {
    this.answers.set(check, [...(this.answers.get(check) ?? []), answer])
  }
}

const square = fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), {
  minLength: 4,
  maxLength: 4,
})
/** Links exist in both directions or not at all. */
const links = square.map((cells) =>
  cells.map((row, a) => row.map((_, b) => cells[Math.min(a, b)]?.[Math.max(a, b)] === true)),
)
const allLinked = IDS.map(() => IDS.map(() => true))
const questions = fc.array(fc.tuple(fc.nat(3), fc.nat(20)), { minLength: 1, maxLength: 20 })

describe('nodes that disagree about the ring', () => {
  it('answer every check exactly once, and forward none more often than it may be (invariants 12, 13)', () => {
    const property = fc.property(square, questions, (views, asked) => {
      const quarrel = new Quarrel(views, allLinked)
      for (const [at, key] of asked) quarrel.ask(at, `key ${key}`)
      quarrel.settle()
      quarrel.pass(HAND_OFF_MS_MAX, () => false)
      for (const answers of quarrel.answers.values()) expect(answers.length).toBeGreaterThan(0)
      expect([...quarrel.answers.values()].flat()).toHaveLength(asked.length)
      expect(quarrel.hops.every((hops) => hops >= 1 && hops <= HOPS_MAX)).toBe(true)
      expect(quarrel.hops.length).toBeLessThanOrEqual(HOPS_MAX * asked.length)
    })
    fc.assert(property, { numRuns: 60 })
  })

  it('never send a check back to where it came from', () => {
    const property = fc.property(square, fc.nat(3), fc.nat(50), (views, at, key) => {
      const quarrel = new Quarrel(views, allLinked)
      quarrel.ask(at, `key ${key}`)
      quarrel.settle()
      const [first, second] = quarrel.paths
      expect(second === undefined || second[1] !== first?.[0]).toBe(true)
    })
    fc.assert(property, { numRuns: 60 })
  })

  it('answer every check within 600 ms even when frames get lost between any of them', () => {
    const property = fc.property(square, links, square, questions, (views, linked, lost, asked) => {
      const quarrel = new Quarrel(views, linked)
      const loses = (from: number, to: number) => lost[from]?.[to] === true
      for (const [at, key] of asked) quarrel.ask(at, `key ${key}`)
      quarrel.settle(loses)
      quarrel.pass(600, loses)
      const unanswered = [...quarrel.answers].filter(([, answers]) => answers.length === 0)
      expect(unanswered).toEqual([])
      expect([...quarrel.answers.values()].flat()).toHaveLength(asked.length)
      expect(quarrel.hops.every((hops) => hops <= HOPS_MAX)).toBe(true)
    })
    fc.assert(property, { numRuns: 30 })
  })
})
