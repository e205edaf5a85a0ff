import { describe, expect, test } from 'vitest'
import { JOIN_TIMEOUT_MS, TICK_MS } from '../../cluster/limits.ts'
import { seededRandom } from '../../cluster/random.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { inspectKey } from '../../src/limiter/inspect.ts'
import type { RuleState } from '../../src/limiter/rule-state.ts'
import { Node } from '../../src/node.ts'
import { VirtualCluster } from '../support/virtual-cluster.ts'

const [n1, n2, n3] = ['n1', 'n2', 'n3'] as NodeId[] as [NodeId, NodeId, NodeId]

function cluster(options = {}): VirtualCluster {
  const made = new VirtualCluster({ nodes: 3, ...options })
  made.settle()
  return made
}

/** Live counts of a key on one node, as comparable text. */
function held(made: VirtualCluster, id: NodeId, key: string): string[] {
  const { limiter } = made.node(id)
  const state = limiter.rule('demo') as RuleState
  return inspectKey(state, limiter.actors, state.hash(key), made.nowMs).flatMap((view) =>
    view.counts.map(({ slice, actor, tokens }) => `${slice} ${actor.node} ${tokens}`),
  )
}

describe('a healthy cluster', () => {
  test('starts together, and every node agrees on every owner', () => {
    const made = cluster()
    const views = made.ids.map((id) => made.node(id).replica.membership.placement.view)
    expect(new Set(views).size).toBe(1)
    expect(views[0]).not.toBe(0)
  })

  test('decides exactly, whichever node is asked', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    const answers = Array.from({ length: 300 }, (_, index) =>
      made.ask(made.ids[index % 3] as NodeId, { rule: 'demo', key, cost: 1 }),
    )
    made.pump()
    made.advance(5)
    const decided = answers.map((answer) => answer())
    expect(decided.filter((answer) => answer?.allowed)).toHaveLength(100)
    expect(decided.every((answer) => answer?.consistency === 'exact')).toBe(true)
    expect(decided.every((answer) => answer?.overshootBound === 0)).toBe(true)
    expect(decided.every((answer) => answer?.owner === 'n1')).toBe(true)
  })

  test('repeats a refusal from memory without asking again', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    for (let taken = 0; taken < 100; taken++)
      made.node(n1).check({ rule: 'demo', key, cost: 1 }, made.nowMs)
    expect(made.check(n2, { rule: 'demo', key, cost: 1 }).decidedBy).toBe('owner')
    const again = made.check(n2, { rule: 'demo', key, cost: 1 })
    expect(again).toMatchObject({ allowed: false, decidedBy: 'cache', reason: 'over_limit' })
    expect(again.retryAfterMs).toBeGreaterThan(0)
    made.advance(again.retryAfterMs)
    expect(made.check(n2, { rule: 'demo', key, cost: 1 }).allowed).toBe(true)
  })

  test('holds equal replicas of a key within 1.5 s of its last check', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n2)
    for (let asked = 0; asked < 40; asked++) {
      made.check(made.ids[asked % 3] as NodeId, { rule: 'demo', key, cost: 1 })
      made.advance(7)
    }
    made.advance(1_500)
    expect(held(made, n2, key).length).toBeGreaterThan(0)
    expect(held(made, n1, key)).toEqual(held(made, n2, key))
    expect(held(made, n3, key)).toEqual(held(made, n2, key))
  })

  test('repairs by anti-entropy what gossip lost entirely', () => {
    const slow = { name: 'demo', limits: [{ rate: { count: 60, periodMs: 60_000 }, burst: 60 }] }
    const made = cluster({ rules: [slow], network: { gossipLoss: 1 } })
    const key = made.keyOwnedBy(n1)
    for (let taken = 0; taken < 30; taken++) made.check(n1, { rule: 'demo', key, cost: 1 })
    made.until(() => held(made, n2, key).length > 0 && held(made, n3, key).length > 0, 40_000)
    expect(held(made, n2, key)).toEqual(held(made, n1, key))
    expect(held(made, n3, key)).toEqual(held(made, n1, key))
  })
})

describe('when the owner is killed', () => {
  test('every check is answered, and at most what nobody had heard of is admitted again', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    let admitted = 0
    for (let asked = 0; asked < 400; asked++) {
      if (asked === 200) made.kill(n1)
      const alive = asked < 200 ? made.ids : [n2, n3]
      const answer = made.check(alive[asked % alive.length] as NodeId, {
        rule: 'demo',
        key,
        cost: 1,
      })
      if (answer.allowed) admitted += 1
    }
    const elapsedMs = made.nowMs - 1_700_000_000_000
    expect(admitted).toBeLessThanOrEqual(100 + elapsedMs / 10 + 101)
  })

  test('the very next request brings the successor the news: nothing is admitted twice', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    for (let taken = 0; taken < 100; taken++) {
      expect(made.check(n2, { rule: 'demo', key, cost: 1 }).allowed).toBe(true)
      // All within one slice's time, so that nothing refills in between.
      if (made.nowMs % 125 > 100) break
    }
    const before = made.nowMs
    const taken = held(made, n2, key).reduce((sum, line) => sum + Number(line.split(' ')[2]), 0)
    made.kill(n1)
    let again = 0
    while (made.check(n2, { rule: 'demo', key, cost: 1 }).allowed) again += 1
    const refilled = Math.ceil((made.nowMs - before) / 10)
    expect(taken + again).toBeLessThanOrEqual(100 + refilled + 15)
  })

  test('survivors agree on a new ring, and the key has one owner again', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    made.kill(n1)
    made.settle()
    const owners = [n2, n3].map((id) => made.check(id, { rule: 'demo', key, cost: 1 }))
    expect(new Set(owners.map((answer) => answer.owner)).size).toBe(1)
    expect(owners.every((answer) => answer.consistency === 'exact')).toBe(true)
  })

  test('its next life joins as a new actor and owns its keys again', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    made.kill(n1)
    made.advance(200)
    made.start(n1)
    made.settle()
    expect(made.check(n2, { rule: 'demo', key, cost: 1 }).owner).toBe('n1')
  })
})

describe('when the owner falls silent', () => {
  test('a check is answered by a stand-in within the forward timeout, and says so', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    made.network.silence(n1)
    const askedMs = made.nowMs
    const answer = made.check(n2, { rule: 'demo', key, cost: 1 })
    expect(made.nowMs - askedMs).toBeLessThanOrEqual(2 * 150 + 20)
    expect(answer.allowed).toBe(true)
    expect(answer.decidedBy).toBe('replica')
    expect(answer.consistency).not.toBe('exact')
    expect(answer.overshootBound).toBeGreaterThan(0)
  })

  test('it is suspected, held dead within 5 s, and comes back by refutation after the cut heals', () => {
    const made = cluster()
    made.network.silence(n1)
    const state = () => made.node(n2).replica.membership.record(n1)?.state
    made.until(() => state() === 'suspect', 2_500)
    made.until(() => state() === 'dead', 5_000)
    expect(made.node(n2).replica.membership.placement.has(n1)).toBe(false)
    made.network.healAll()
    made.settle()
    expect(made.events(n1).some((event) => event.type === 'refuted')).toBe(true)
  })
})

describe('a node that was busy before its first tick', () => {
  test('looks for others for as long as any other, before it goes on alone', () => {
    const self = { id: n1, name: 'n1', incarnation: 1, refutation: 0, addresses: [] }
    const limit = { rate: { count: 100, periodMs: 1_000 }, burst: 100 }
    const options = {
      self: { ...self, state: 'joining' as const },
      rules: [{ name: 'demo', limits: [limit] }],
      hashKey: { hi: 1, lo: 2 },
      keysMax: 16,
      gossipIntervalMs: 500,
      forwardTimeoutMs: 150,
      joins: true,
    }
    const bornMs = 1_000_000
    const node = new Node(options, seededRandom(1), bornMs)
    const firstMs = bornMs + 20_000
    for (let nowMs = firstMs; nowMs < firstMs + JOIN_TIMEOUT_MS - TICK_MS; nowMs += TICK_MS) {
      node.tick(nowMs)
      expect(node.replica.membership.self.state).toBe('joining')
    }
    node.tick(firstMs + JOIN_TIMEOUT_MS)
    expect(node.replica.membership.self.state).toBe('active')
  })
})

describe('a node that leaves', () => {
  test('tells what it admitted before it goes: its successor admits nothing twice', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    for (let taken = 0; taken < 100; taken++) {
      made.node(n1).check({ rule: 'demo', key, cost: 1 }, made.nowMs)
    }
    made.node(n1).leave(made.nowMs)
    made.pump()
    made.advance(5)
    made.kill(n1)
    const answer = made.check(n2, { rule: 'demo', key, cost: 1 })
    expect(answer).toMatchObject({ allowed: false, consistency: 'exact' })
  })
})
