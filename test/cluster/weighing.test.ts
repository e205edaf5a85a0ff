import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  WEIGHT_PROPOSAL_MS,
  WEIGHT_TABLES_MAX,
  WEIGHTED_MEMBERS_MAX,
} from '../../cluster/limits.ts'
import { Membership } from '../../cluster/membership.ts'
import type { MemberRecord } from '../../cluster/message.ts'
import { Outbox } from '../../cluster/outbox.ts'
import { Weighing } from '../../cluster/weighing.ts'
import { type WeightTable, weightsByDemand } from '../../cluster/weight-table.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const GOSSIP_MS = 500
const START_MS = 1_700_000_000_000

function recordOf(id: NodeId, incarnation = 1): MemberRecord {
  return { id, name: id, incarnation, refutation: 0, state: 'active', addresses: [] }
}

interface Member {
  readonly id: NodeId
  readonly membership: Membership
  readonly weighing: Weighing
  readonly outbox: Outbox
}

/** Members that know and reach each other. What they say waits until somebody has it arrive, or never does. */
class Cluster {
  readonly ids: readonly NodeId[]
  readonly members: readonly Member[]
  nowMs = START_MS
  #under: (() => void)[] = []

  constructor(nodes: number) {
    this.ids = Array.from({ length: nodes }, (_, index) => `n${index}` as NodeId)
    this.members = this.ids.map((id) => {
      const membership = new Membership(recordOf(id), GOSSIP_MS, START_MS)
      for (const other of this.ids) {
        if (other === id) continue
        membership.merge(recordOf(other), START_MS)
        membership.linked(other, START_MS)
      }
      const outbox = new Outbox()
      return { id, membership, weighing: new Weighing(membership, outbox), outbox }
    })
  }

  member(at: number): Member {
    return this.members[at % this.members.length] as Member
  }

  ask(at: number, checks: number): void {
    for (let check = 0; check < checks; check++) this.member(at).weighing.demanded()
  }

  /** Several propose at once when they do not see the same ring. */
  propose(at: number, checks: number): void {
    const { id, weighing } = this.member(at)
    const version = (weighing.held.at(-1)?.version ?? 0) + 1
    const demands = new Map(this.ids.map((one) => [one, one === id ? checks : 1]))
    weighing.told([weightsByDemand(version, demands)])
  }

  /** A gossip interval passes for one member; what it says is under way. */
  tick(at: number, passesMs = WEIGHT_PROPOSAL_MS): void {
    const { id, weighing, outbox } = this.member(at)
    this.nowMs += passesMs
    weighing.tick(this.nowMs)
    const { report } = weighing
    for (const other of this.members) {
      if (other.id === id || report === undefined) continue
      this.#under.push(() => other.weighing.heard(id, 1, report))
    }
    for (const leaving of outbox.drain().outbound) {
      if (leaving.type !== 'send' || leaving.message.type !== 'weights') continue
      const { tables } = leaving.message
      const { to } = leaving
      this.#under.push(() => this.members.find((one) => one.id === to)?.weighing.told(tables))
    }
  }

  /** Something that is under way arrives, in any order; or is lost. */
  pass(at: number, arrives: boolean): void {
    const [message] = this.#under.splice(at % Math.max(1, this.#under.length), 1)
    if (arrives) message?.()
  }

  /** Some gossip intervals in which nothing is lost. */
  rounds(count: number): void {
    for (let round = 0; round < count; round++) {
      for (let at = 0; at < this.members.length; at++) this.tick(at)
      for (const message of this.#under.splice(0)) message()
    }
  }

  /** The weights of sides, each the largest that any of its members would give it. */
  sum(sides: readonly (readonly NodeId[])[]): number {
    return sides.reduce((sum, side) => {
      const weights = this.members
        .filter(({ id }) => side.includes(id))
        .map(({ weighing }) => weighing.share(side, this.ids))
        .map(({ reached, members }) => reached / members)
      return sum + Math.max(0, ...weights)
    }, 0)
  }

  /** What a member weighs by its own account. */
  weightOf(at: number): number {
    const { id, weighing } = this.member(at)
    const { reached, members } = weighing.share([id], this.ids)
    return reached / members
  }
}

function sidesOf(ids: readonly NodeId[], places: readonly number[]): NodeId[][] {
  const sides: NodeId[][] = [[], [], []]
  for (const [at, id] of ids.entries()) sides[(places[at] as number) % sides.length]?.push(id)
  return sides
}

describe('the weights of the sides of a split', () => {
  const step = fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('propose'), at: fc.nat(), by: fc.nat(500) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('ask'), at: fc.nat(), by: fc.nat(500) }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('tick'), at: fc.nat(), by: fc.nat(1) }) },
    { weight: 9, arbitrary: fc.record({ type: fc.constant('pass'), at: fc.nat(), by: fc.nat(3) }) },
  )
  const places = fc.array(fc.nat(2), { minLength: 6, maxLength: 6 })

  test('sum to at most 1 whatever was lost, late or out of order, and wherever it is cut (14)', () => {
    let moved = 0
    const steps = fc.array(step, { minLength: 60, maxLength: 300, size: 'max' })
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), steps, places, (nodes, all, cut) => {
        const cluster = new Cluster(nodes)
        const sides = sidesOf(cluster.ids, cut)
        for (const { type, at, by } of all) {
          if (type === 'ask') cluster.ask(at, by)
          else if (type === 'propose') cluster.propose(at, by)
          else if (type === 'tick') cluster.tick(at, by === 0 ? GOSSIP_MS : WEIGHT_PROPOSAL_MS)
          else cluster.pass(at, by > 0)
          expect(cluster.sum(sides)).toBeLessThanOrEqual(1 + 1e-9)
        }
        if (cluster.members.some(({ weighing }) => (weighing.held[0]?.version ?? 0) > 0)) moved += 1
      }),
      { numRuns: 300 },
    )
    // A property of tables that nobody ever agrees on would say nothing.
    expect(moved).toBeGreaterThan(100)
  })

  test('follow demand once everybody holds the same, and leave nobody without a fifth of its share', () => {
    const cluster = new Cluster(5)
    cluster.ask(3, 1_000)
    cluster.rounds(4)
    const weights = cluster.ids.map((_, at) => cluster.weightOf(at))
    expect(weights[3]).toBeGreaterThan(0.8)
    for (const at of [0, 1, 2, 4]) expect(weights[at]).toBeGreaterThanOrEqual(0.04)
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeLessThanOrEqual(1)
    for (const { weighing } of cluster.members) expect(weighing.held).toHaveLength(1)
  })

  test('are equal again when nobody has asked for long', () => {
    const cluster = new Cluster(3)
    cluster.ask(0, 100)
    cluster.rounds(4)
    expect(cluster.weightOf(0)).toBeGreaterThan(0.7)
    cluster.rounds(300)
    expect(cluster.weightOf(0)).toBeCloseTo(1 / 3)
  })

  test('are the least of old and new while somebody has not said that it has the new ones', () => {
    const cluster = new Cluster(3)
    cluster.ask(0, 1_000)
    cluster.tick(0)
    cluster.rounds(1)
    const before = cluster.members.map(({ weighing }) => weighing.held.length)
    expect(Math.max(...before)).toBe(2)
    expect(cluster.weightOf(0)).toBeCloseTo(1 / 3)
    expect(cluster.weightOf(1)).toBeLessThan(0.08)
  })
})

describe('a member', () => {
  test('that is out of reach keeps everybody from other weights', () => {
    const cluster = new Cluster(3)
    for (const { id, membership } of cluster.members) {
      for (const other of cluster.ids) {
        if (other !== id && [id, other].includes('n2' as NodeId)) {
          membership.unlinked(other, cluster.nowMs)
        }
      }
    }
    cluster.ask(0, 1_000)
    cluster.rounds(5)
    expect(cluster.weightOf(0)).toBeCloseTo(1 / 3)
  })

  test('that was born again has to say anew what it holds', () => {
    const cluster = new Cluster(2)
    const { membership, weighing } = cluster.member(0)
    cluster.ask(0, 1_000)
    cluster.tick(0)
    const [, proposed] = weighing.held
    if (proposed === undefined) throw new Error('nothing was proposed')
    weighing.heard('n1' as NodeId, 1, { demand: 0, held: [proposed] })
    membership.merge(recordOf('n1' as NodeId, 2), cluster.nowMs)
    cluster.tick(0, GOSSIP_MS)
    expect(weighing.held).toHaveLength(2)
    weighing.heard('n1' as NodeId, 2, { demand: 0, held: [proposed] })
    cluster.tick(0, GOSSIP_MS)
    expect(weighing.held).toEqual([proposed])
  })

  test('that claims all demand there is takes no more than what is above the floor', () => {
    const cluster = new Cluster(4)
    cluster.ask(0, 500)
    const claim = { demand: 0xffff_ffff, held: [{ version: 0, digest: 0 }] }
    cluster.member(0).weighing.heard('n3' as NodeId, 1, claim)
    cluster.rounds(1)
    cluster.rounds(3)
    expect(cluster.weightOf(3)).toBeLessThanOrEqual(0.2 / 4 + 0.8)
    expect(cluster.weightOf(0)).toBeGreaterThanOrEqual(0.2 / 4)
  })

  test('holds no more tables than it has room for, and none before those it has agreed on', () => {
    const { weighing } = new Cluster(1).member(0)
    const tables = Array.from({ length: 9 }, (_, at): WeightTable => {
      return weightsByDemand(at + 1, new Map([['n1' as NodeId, at + 1]]))
    })
    weighing.told(tables)
    expect(weighing.held).toHaveLength(WEIGHT_TABLES_MAX)
    weighing.tick(START_MS)
    const agreed = weighing.held
    expect(agreed).toHaveLength(1)
    weighing.told(tables.slice(0, 2))
    expect(weighing.held).toEqual(agreed)
  })
})

describe('a table', () => {
  test('of more members than it may name gives everybody the same', () => {
    const many = Array.from({ length: WEIGHTED_MEMBERS_MAX + 1 }, (_, at) => {
      return [`n${at}` as NodeId, at] as const
    })
    expect(weightsByDemand(7, new Map(many))).toEqual({ version: 7, members: [], parts: [] })
  })
})
