import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { REFUTATION_MAX } from '../../cluster/limits.ts'
import type { Message } from '../../cluster/message.ts'
import type { Counts } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { sliceAt } from '../../crdt/sliced-counter.ts'
import { KEY, NO_ROW } from '../../src/limiter/key-table.ts'
import type { Limit } from '../../src/limiter/limit.ts'
import type { Node } from '../../src/node.ts'
import { attackedCluster, deliver, stateOf } from '../support/attacked-cluster.ts'
import { messages } from '../support/messages.ts'
import type { VirtualCluster } from '../support/virtual-cluster.ts'

// A member that has the key can say what it likes of itself, within what a limit admits, and nothing of others.

const [n1, n2, n3] = ['n1', 'n2', 'n3'] as NodeId[] as [NodeId, NodeId, NodeId]

/** Every count a node holds of these authors' actors, as comparable text. */
function countsOf(node: Node, nowMs: number, authors: readonly NodeId[]): string[] {
  const { actors } = node.limiter
  const found: string[] = []
  for (const { rule, store } of node.limiter.rules) {
    for (let key = 0; key < store.table.rowsSeen; key++) {
      if (!store.table.isMarked(key, KEY)) continue
      for (let row = key; row !== NO_ROW; row = store.table.next(row)) {
        const actor = actors.of(store.table.actor(row))
        if (!authors.includes(actor.node)) continue
        store.limits.forEach((limit, index) => {
          const now = sliceAt(limit, nowMs)
          for (let slice = now - limit.slices; slice <= now + limit.slices; slice++) {
            const count = store.counters[index]?.count(row, slice) ?? 0
            if (count > 0)
              found.push(`${rule.name} ${store.table.hi(key)} ${actor.node} ${slice} ${count}`)
          }
        })
      }
    }
  }
  return found.sort()
}

/** Well-formed counts in the name of anybody, of keys that exist and keys that do not. */
function claims(made: VirtualCluster): fc.Arbitrary<Counts> {
  const state = made.node(n1).limiter.rule('demo')
  const limit = state?.store.limits[0] as Limit
  const incarnations = made.ids.map((id) => made.node(id).replica.membership.self.incarnation)
  const hashes = made.ids.map((id) => state?.hash(made.keyOwnedBy(id)) ?? { hi: 0, lo: 0 })
  const actors = made.ids.flatMap((node, at) => [
    { node, incarnation: incarnations[at] as number },
    { node, incarnation: 1 },
  ])
  const entry = fc
    .tuple(
      fc.constantFrom(...hashes, { hi: 9, lo: 9 }),
      fc.nat(5),
      fc.nat(30),
      fc.array(fc.nat(120), { maxLength: 6 }),
    )
    .map(([{ hi, lo }, actor, offset, counts]) => [hi, lo, actor, offset, counts.length, ...counts])
  return fc.array(entry, { minLength: 1, maxLength: 8 }).map((entries) => ({
    actors,
    blocks: [
      {
        rule: 'demo',
        sliceMs: [limit.sliceMs],
        base: [sliceAt(limit, made.nowMs) - 20],
        entries: entries.flat(),
      },
    ],
  }))
}

describe('a frame of a peer that lies', () => {
  it('never changes counts of another than its author, in gossip and replies', () => {
    const { made, victim } = attackedCluster()
    const { incarnation } = made.node(n2).replica.membership.self
    const before = countsOf(victim, made.nowMs, [n1, n3])
    expect(before.length).toBeGreaterThan(1)
    const told = fc.tuple(claims(made), fc.boolean(), fc.nat())
    const property = fc.property(told, ([counts, asGossip, sequence]) => {
      const message: Message = asGossip
        ? { type: 'gossip', incarnation, sequence, sentMs: 0, view: 0, members: [], counts }
        : { type: 'reply', view: 0, decisions: [], counts }
      deliver(victim, n2, message, made.nowMs)
      expect(countsOf(victim, made.nowMs, [n1, n3])).toEqual(before)
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('never changes what this life of a node has admitted itself, whatever it relays', () => {
    const { made, victim } = attackedCluster()
    const before = countsOf(victim, made.nowMs, [n1])
    const self = victim.replica.membership.self.incarnation
    const property = fc.property(claims(made), fc.boolean(), (counts, asForward) => {
      const told = {
        ...counts,
        actors: counts.actors.filter(
          ({ node, incarnation }) => node !== n1 || incarnation === self,
        ),
      }
      const message: Message = asForward
        ? { type: 'forward', sentMs: made.nowMs, view: 0, checks: [], counts: pruned(told) }
        : { type: 'repair', round: 1, counts: pruned(told), want: [], last: false }
      deliver(victim, n2, message, made.nowMs)
      expect(countsOf(victim, made.nowMs, [n1])).toEqual(before)
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('of any kind and content neither throws nor stops the node from answering', () => {
    const { made, victim } = attackedCluster()
    const any = fc.oneof(...Object.values(messages))
    const key = made.keyOwnedBy(n1)
    const property = fc.property(any, fc.constantFrom(n2, n3, 'n9' as NodeId), (message, from) => {
      deliver(victim, from, message, made.nowMs)
      victim.tick(made.nowMs)
      const answer = victim.check({ rule: 'demo', key, cost: 0 }, made.nowMs)
      expect(['answer', 'pending']).toContain(answer.type)
    })
    fc.assert(property, { numRuns: 80 })
  })

  it('with a late or made-up answer settles nothing', () => {
    const { made, victim } = attackedCluster()
    const key = made.keyOwnedBy(n2)
    const pending = victim.check({ rule: 'demo', key, cost: 1 }, made.nowMs)
    expect(pending.type).toBe('pending')
    const decisions = Array.from({ length: 100 }, (_, id) => ({
      id,
      verdict: 'allowed' as const,
      limit: 0,
      remaining: 99,
      retryAfterMs: 0,
      resetMs: 0,
      delayMs: 0,
    }))
    const counts = { actors: [], blocks: [] }
    victim.receive(n3, { type: 'reply', view: 0, decisions, counts }, made.nowMs)
    expect(victim.drain(made.nowMs).answers).toEqual([])
  })
})

/** The same claims, with entries of actors that are no longer named left out. */
function pruned({ actors, blocks }: Counts): Counts {
  return {
    actors,
    blocks: blocks.map((block) => {
      const entries: number[] = []
      for (let at = 0; at < block.entries.length; ) {
        const end = at + 5 + (block.entries[at + 4] as number)
        if ((block.entries[at + 2] as number) < actors.length)
          entries.push(...block.entries.slice(at, end))
        at = end
      }
      return { ...block, entries }
    }),
  }
}

/** Gossip of n2 about one key: its actor's life, the first slice, and a count. */
interface Told {
  readonly rule?: string
  readonly sliceMs?: number
  readonly actor?: { readonly node: NodeId; readonly incarnation: number }
  readonly atMs?: number
  readonly count?: number
}

function gossipOf(made: VirtualCluster, told: Told): Message {
  const state = made.node(n1).limiter.rule('demo')
  const limit = state?.store.limits[0] as Limit
  const { hi, lo } = state?.hash(made.keyOwnedBy(n2)) ?? { hi: 0, lo: 0 }
  const { incarnation } = made.node(n2).replica.membership.self
  const { rule = 'demo', sliceMs = limit.sliceMs, atMs = made.nowMs, count = 50 } = told
  const actors = [told.actor ?? { node: n2, incarnation }]
  const entries = [hi, lo, 0, 0, 1, count]
  const blocks = [{ rule, sliceMs: [sliceMs], base: [sliceAt(limit, atMs)], entries }]
  const head = { type: 'gossip', incarnation, sequence: 9, sentMs: made.nowMs } as const
  return { ...head, view: 0, members: [], counts: { actors, blocks } }
}

describe('a count that a member tells of its own', () => {
  const hour = 3_600_000
  const n3Life = (made: VirtualCluster) => made.node(n3).replica.membership.self.incarnation
  const cases: [what: string, told: (made: VirtualCluster) => Told, counted: string][] = [
    ['huge', () => ({ count: 0xffff_ffff }), 'violations'],
    ['one more than the limit admits', (made) => ({ count: countMax(made) + 1 }), 'violations'],
    ['of the future', ({ nowMs }) => ({ atMs: nowMs + hour }), 'future'],
    ['of two seconds ahead', ({ nowMs }) => ({ atMs: nowMs + 2_000 }), 'future'],
    ['expired', ({ nowMs }) => ({ atMs: nowMs - hour }), 'expired'],
    ['of no rule', () => ({ rule: '__proto__' }), 'foreign'],
    ['of a rule in other slices', () => ({ sliceMs: 7 }), 'foreign'],
    ['of another', (made) => ({ actor: { node: n3, incarnation: n3Life(made) } }), 'violations'],
    [
      'of who is not there',
      () => ({ actor: { node: 'n9' as NodeId, incarnation: 1 } }),
      'violations',
    ],
  ]

  it.each(cases)('and that is %s changes nothing, and is told of', (_, told, counted) => {
    const { made, victim } = attackedCluster()
    const before = stateOf(victim, made.nowMs)
    const events = deliver(victim, n2, gossipOf(made, told(made)), made.nowMs)
    expect(stateOf(victim, made.nowMs)).toBe(before)
    const merged = events.find((event) => event.type === 'merged')
    expect(merged).toMatchObject({ from: n2, result: { raised: 0, [counted]: 1 } })
  })

  it('and that is plausible is believed: it can use up its own keys, and no more', () => {
    const { made, victim } = attackedCluster()
    const before = stateOf(victim, made.nowMs)
    deliver(victim, n2, gossipOf(made, {}), made.nowMs)
    expect(stateOf(victim, made.nowMs)).not.toBe(before)
  })
})

function countMax(made: VirtualCluster): number {
  return made.node(n1).limiter.rule('demo')?.store.limits[0]?.countMax ?? 0
}

// What docs/security.md admits that a member can do. Whoever mends one of these mends that page.
describe('a member that lies all the same', () => {
  it('can write counts in the name of third nodes, by forwards, within what a limit admits', () => {
    const { made, victim } = attackedCluster()
    const actor = { node: n3, incarnation: made.node(n3).replica.membership.self.incarnation }
    const forward = (count: number): Message => {
      const { counts } = gossipOf(made, { actor, count }) as Message & { counts: Counts }
      return { type: 'forward', sentMs: made.nowMs, view: 0, checks: [], counts }
    }
    const before = stateOf(victim, made.nowMs)
    deliver(victim, n2, forward(countMax(made) + 1), made.nowMs)
    expect(stateOf(victim, made.nowMs)).toBe(before)
    deliver(victim, n2, forward(countMax(made)), made.nowMs)
    expect(stateOf(victim, made.nowMs)).not.toBe(before)
  })

  it('can free a key, by claiming that its tokens were given back', () => {
    const { made, victim } = attackedCluster()
    const key = made.keyOwnedBy(n1)
    while (made.check(n1, { rule: 'demo', key, cost: 1 }).allowed);
    const left = () => {
      const answer = victim.check({ rule: 'demo', key, cost: 0 }, made.nowMs)
      return answer.type === 'answer' ? answer.remaining : undefined
    }
    expect(left()).toBe(0)
    const { hi, lo } = victim.limiter.rule('demo')?.hash(key) ?? { hi: 0, lo: 0 }
    const told = gossipOf(made, {}) as Message & { counts: Counts }
    const [block] = told.counts.blocks
    const counts = {
      actors: told.counts.actors.map((actor) => ({ ...actor, credit: true })),
      blocks: block ? [{ ...block, entries: [hi, lo, 0, 0, 1, 50] }] : [],
    }
    deliver(victim, n2, { ...told, counts } as Message, made.nowMs)
    expect(left()).toBeGreaterThan(0)
  })

  it('cannot take another out of the ring that is linked and heard', () => {
    const { made, victim } = attackedCluster()
    const { membership } = victim.replica
    const self = made.node(n3).replica.membership.self
    for (const refutation of [self.refutation, REFUTATION_MAX]) {
      const members = [{ ...self, state: 'dead' as const, refutation }]
      deliver(victim, n2, { type: 'hello', view: 0, members }, made.nowMs)
      expect(membership.isInRing(n3)).toBe(true)
      made.advance(5_000)
      expect(membership.isInRing(n3)).toBe(true)
    }
  })
})
