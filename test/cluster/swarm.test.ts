import { describe, expect, it } from 'vitest'
import { type Random, seededRandom } from '../../cluster/random.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Answer } from '../../src/limiter/check.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { liveCounts } from '../support/limiters.ts'
import { DEMO, VirtualCluster } from '../support/virtual-cluster.ts'

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1)
const RUN_MS = 10_000
const STEP_MS = 10
/** No check may take longer, whatever happens. */
const ANSWER_MS = 600
const KEYS = ['a', 'b', 'c']

/** Two tokens a second: its slices live for minutes, so that replicas can be compared after a run. */
const SLOW: Rule = { name: 'slow', limits: [{ rate: { count: 120, periodMs: 60_000 }, burst: 60 }] }

interface Asked {
  readonly by: NodeId
  readonly life: number
  readonly atMs: number
  readonly answer: () => Answer | undefined
}

/** A cluster to which everything happens that a seed says: kills, restarts, cuts, loss, and checks. */
class Swarm {
  readonly cluster: VirtualCluster
  readonly #random: Random
  readonly #lives = new Map<NodeId, number>()
  readonly #dead = new Set<NodeId>()
  #waiting: Asked[] = []
  answered = 0
  lost = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.cluster = new VirtualCluster({
      nodes: 3 + this.#random.below(3),
      rules: [SLOW, DEMO],
      seed,
      network: {
        delay: { minMs: 1, maxMs: 1 + this.#random.below(20) },
        gossipLoss: this.#random.below(4) / 10,
        gossipDuplicates: this.#random.below(4) / 10,
      },
    })
    this.cluster.settle()
  }

  run(): void {
    for (let passedMs = 0; passedMs < RUN_MS; passedMs += STEP_MS) {
      if (this.#random.below(30) === 0) this.#fault()
      for (let check = this.#random.below(4); check > 0; check--) this.#ask()
      this.#pass()
    }
  }

  /** Every fault ends; checks that wait are answered, and nodes agree on the ring. */
  heal(): void {
    this.cluster.network.healAll()
    for (const id of this.#dead) this.#start(id)
    while (this.#waiting.length > 0) this.#pass()
    this.cluster.settle()
  }

  /** What each node holds of the slow rule's keys. */
  held(): string[] {
    const { cluster } = this
    return cluster.ids.map((id) =>
      liveCounts(cluster.node(id).limiter, KEYS, cluster.nowMs, 'slow').join('\n'),
    )
  }

  #pass(): void {
    this.cluster.advance(STEP_MS)
    this.#waiting = this.#waiting.filter((asked) => {
      const answer = asked.answer()
      const died = this.#dead.has(asked.by) || this.#life(asked.by) !== asked.life
      if (answer !== undefined) this.answered += 1
      else if (died) this.lost += 1
      else if (this.cluster.nowMs - asked.atMs <= ANSWER_MS) return true
      else throw new Error(`${asked.by} has not answered for ${this.cluster.nowMs - asked.atMs} ms`)
      return false
    })
  }

  #ask(): void {
    const by = this.#pick(this.#live())
    const rule = this.#random.below(2) === 0 ? 'slow' : 'demo'
    const cost = this.#random.below(8) === 0 ? 5 : 1
    const answer = this.cluster.ask(by, { rule, key: this.#pick(KEYS), cost })
    this.#waiting.push({ by, life: this.#life(by), atMs: this.cluster.nowMs, answer })
  }

  #fault(): void {
    const { network, ids } = this.cluster
    const [one, other] = [this.#pick(ids), this.#pick(ids)]
    switch (this.#random.below(7)) {
      case 0:
        if (this.#live().length > 1 && !this.#dead.has(one)) this.#kill(one)
        break
      case 1:
      case 2:
        if (this.#dead.has(one)) this.#start(one)
        break
      case 3:
        if (one !== other) network.cut(one, other)
        break
      case 4:
        if (one !== other) network.cutOneWay(one, other)
        break
      case 5:
        network.silence(one)
        break
      default:
        network.healAll()
    }
  }

  #kill(id: NodeId): void {
    this.#dead.add(id)
    this.cluster.kill(id)
  }

  #start(id: NodeId): void {
    this.#dead.delete(id)
    this.#lives.set(id, this.#life(id) + 1)
    this.cluster.start(id)
  }

  #life(id: NodeId): number {
    return this.#lives.get(id) ?? 0
  }

  #live(): NodeId[] {
    return this.cluster.ids.filter((id) => !this.#dead.has(id))
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#random.below(items.length)] as Item
  }
}

describe('a swarm of faults', () => {
  it.each(SEEDS)('leaves no check unanswered and no replica behind (seed %d)', (seed) => {
    const swarm = new Swarm(seed)
    swarm.run()
    swarm.heal()
    expect(swarm.answered).toBeGreaterThan(1_000)
    swarm.cluster.until(() => new Set(swarm.held()).size === 1, 60_000)
    expect(swarm.held()[0]).not.toBe('')
  })
})

describe('a run without faults', () => {
  it.each([1, 2, 3])('admits exactly what one bucket admits (seed %d)', (seed) => {
    const random = seededRandom(seed)
    const made = new VirtualCluster({ nodes: 3 + seed, seed })
    made.settle()
    const owner = made.ids[seed] as NodeId
    const key = made.keyOwnedBy(owner)
    const asked: (() => Answer | undefined)[] = []
    const ask = (id: NodeId) => asked.push(made.ask(id, { rule: 'demo', key, cost: 1 }))
    for (let check = 0; check < 150; check++) ask(owner)
    for (let passedMs = 1; passedMs <= 3_000; passedMs++) {
      made.advance(1)
      // The owner is asked at every ms, and last, so that nothing that refills is left.
      for (let check = random.below(4); check > 0; check--)
        ask(made.ids[random.below(made.ids.length)] as NodeId)
      ask(owner)
    }
    made.advance(100)
    const answers = asked.map((answer) => answer())
    expect(answers).not.toContain(undefined)
    expect(answers.filter((answer) => answer?.allowed)).toHaveLength(100 + 3_000 / 10)
    expect(new Set(answers.map((answer) => answer?.consistency))).toEqual(new Set(['exact']))
    expect(new Set(answers.map((answer) => answer?.overshootBound))).toEqual(new Set([0]))
  })
})
