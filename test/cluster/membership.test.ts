import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { ClusterEvent } from '../../cluster/event.ts'
import {
  FORGET_AFTER_MS,
  MEMBERS_MAX,
  RUMOUR_REPEATS,
  SUSPICION_MS,
  UNREACHED_GRACE_MS,
} from '../../cluster/limits.ts'
import { Membership } from '../../cluster/membership.ts'
import type { MemberRecord, MemberState } from '../../cluster/message.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const GOSSIP_MS = 500
const NOW_MS = 1_000_000
/** Silence after which a member is suspected, and held dead. */
const SUSPECT_MS = 3 * GOSSIP_MS + 1
const DEAD_MS = SUSPECT_MS + SUSPICION_MS

function recordOf(
  id: string,
  state: MemberState = 'active',
  more: Partial<MemberRecord> = {},
): MemberRecord {
  return {
    id: id as NodeId,
    name: id,
    incarnation: 1,
    refutation: 0,
    state,
    addresses: [`memory:${id}`],
    ...more,
  }
}

/** The table of n1, which is active and knows these others, silently. */
function tableOf(...others: readonly MemberRecord[]): Membership {
  const table = new Membership(recordOf('n1'), GOSSIP_MS, NOW_MS)
  for (const record of others) table.merge(record, NOW_MS)
  table.drainEvents()
  return table
}

function stateOf(table: Membership, id: string): MemberState | undefined {
  return table.record(id as NodeId)?.state
}

function eventsOf<Type extends ClusterEvent['type']>(table: Membership, type: Type) {
  return table.drainEvents().filter((event) => event.type === type)
}

const n2 = 'n2' as NodeId

describe('a record', () => {
  it.each<[Partial<MemberRecord>, Partial<MemberRecord>]>([
    [
      { incarnation: 2, state: 'joining' },
      { incarnation: 1, refutation: 9, state: 'dead' },
    ],
    [
      { refutation: 1, state: 'active' },
      { refutation: 0, state: 'dead' },
    ],
    [{ state: 'left' }, { state: 'dead' }],
    [{ state: 'dead' }, { state: 'suspect' }],
    [{ state: 'suspect' }, { state: 'active' }],
    [{ state: 'active' }, { state: 'joining' }],
  ])('of %j overrides %j, whichever is heard first', (newer, older) => {
    const known = recordOf('n2', 'joining', { incarnation: 0 })
    const [wins, loses] = [recordOf('n2', 'active', newer), recordOf('n2', 'active', older)]
    const [one, other] = [tableOf(known, loses, wins), tableOf(known, wins, loses)]
    expect(one.record(n2)).toEqual(wins)
    expect(other.record(n2)).toEqual(wins)
  })

  it('of somebody unknown who is gone already is not news', () => {
    const table = tableOf()
    expect(table.merge(recordOf('n2', 'dead'), NOW_MS)).toBe(false)
    expect(table.merge(recordOf('n2', 'left'), NOW_MS)).toBe(false)
    expect(table.records).toHaveLength(1)
  })

  it('finds no place beyond the most members there may be', () => {
    const table = tableOf()
    for (let index = 0; index < MEMBERS_MAX + 50; index++) {
      table.merge(recordOf(`m${index}`, 'joining'), NOW_MS)
    }
    expect(table.records).toHaveLength(MEMBERS_MAX)
  })
})

describe('a rumour about a node itself', () => {
  it.each(['suspect', 'dead'] as const)(
    'that it is %s is refuted, and the refutation overrides it',
    (state) => {
      const table = tableOf(recordOf('n2'))
      const rumour = recordOf('n1', state)
      expect(table.merge(rumour, NOW_MS)).toBe(true)
      expect(table.self).toMatchObject({ state: 'active', refutation: 1 })
      expect(eventsOf(table, 'refuted')).toHaveLength(1)
      const other = new Membership(recordOf('n2'), GOSSIP_MS, NOW_MS)
      other.merge(recordOf('n1'), NOW_MS)
      other.merge(rumour, NOW_MS)
      other.merge(table.self, NOW_MS)
      expect(stateOf(other, 'n1')).toBe('active')
    },
  )

  it('that is old changes nothing', () => {
    const table = tableOf()
    table.merge(recordOf('n1', 'suspect'), NOW_MS)
    const refuted = table.self
    table.drainEvents()
    expect(table.merge(recordOf('n1', 'dead'), NOW_MS)).toBe(false)
    expect(table.merge(recordOf('n1', 'dead', { incarnation: 0 }), NOW_MS)).toBe(false)
    expect(table.self).toEqual(refuted)
    expect(table.drainEvents()).toEqual([])
  })

  it('from a later life with its identity is reported, not believed', () => {
    const table = tableOf()
    expect(table.merge(recordOf('n1', 'active', { incarnation: 2 }), NOW_MS)).toBe(false)
    expect(table.self.incarnation).toBe(1)
    expect(eventsOf(table, 'usurped')).toEqual([{ type: 'usurped', incarnation: 2 }])
  })

  it('does not bring a node back that has left', () => {
    const table = tableOf()
    table.enter('left', NOW_MS)
    table.merge(recordOf('n1', 'dead'), NOW_MS)
    expect(table.self.state).toBe('left')
  })
})

describe('silence', () => {
  it('makes a member suspect, then dead, and then forgotten', () => {
    const table = tableOf(recordOf('n2'))
    table.tick(NOW_MS + SUSPECT_MS - 1)
    expect(stateOf(table, 'n2')).toBe('active')
    table.tick(NOW_MS + SUSPECT_MS)
    expect(stateOf(table, 'n2')).toBe('suspect')
    expect(table.placement.has(n2)).toBe(true)
    table.tick(NOW_MS + DEAD_MS - 1)
    expect(stateOf(table, 'n2')).toBe('suspect')
    table.tick(NOW_MS + DEAD_MS)
    expect(stateOf(table, 'n2')).toBe('dead')
    expect(table.placement.has(n2)).toBe(false)
    expect(table.tick(NOW_MS + DEAD_MS + FORGET_AFTER_MS)).toEqual([])
    expect(table.tick(NOW_MS + DEAD_MS + FORGET_AFTER_MS + 1)).toEqual([n2])
    expect(table.record(n2)).toBeUndefined()
    expect(table.merge(recordOf('n2', 'dead'), NOW_MS)).toBe(false)
  })

  it('is remembered for as long as the cluster is told to', () => {
    const table = new Membership(recordOf('n1'), GOSSIP_MS, NOW_MS, 60_000)
    table.merge(recordOf('n2'), NOW_MS)
    table.tick(NOW_MS + SUSPECT_MS)
    table.tick(NOW_MS + DEAD_MS)
    expect(table.tick(NOW_MS + DEAD_MS + 60_000)).toEqual([])
    expect(table.mayBeAlive()).toEqual(new Set(['n1', 'n2']))
    expect(table.tick(NOW_MS + DEAD_MS + 60_001)).toEqual([n2])
    expect(table.mayBeAlive()).toEqual(new Set(['n1']))
  })

  it('is held against a member within 5 s of its last frame', () => {
    const table = tableOf(recordOf('n2'))
    table.linked(n2, NOW_MS)
    table.heard(n2, NOW_MS)
    for (let atMs = NOW_MS; atMs <= NOW_MS + 5_000; atMs += 10) table.tick(atMs)
    expect(stateOf(table, 'n2')).toBe('dead')
  })

  it('is over with the first frame of a suspect whose link is open', () => {
    const table = tableOf(recordOf('n2'))
    table.linked(n2, NOW_MS)
    table.tick(NOW_MS + SUSPECT_MS)
    expect(stateOf(table, 'n2')).toBe('suspect')
    table.heard(n2, NOW_MS + SUSPECT_MS)
    expect(stateOf(table, 'n2')).toBe('active')
  })

  it('of this node itself is held against nobody', () => {
    const table = tableOf(recordOf('n2'))
    table.forgive(60_000, NOW_MS + 60_000)
    table.tick(NOW_MS + 60_000 + 1_500)
    expect(stateOf(table, 'n2')).toBe('active')
  })

  it('is not judged of a member that is gone', () => {
    const table = tableOf(recordOf('n2'))
    table.merge(recordOf('n2', 'left'), NOW_MS)
    table.tick(NOW_MS + 2 * DEAD_MS)
    expect(stateOf(table, 'n2')).toBe('left')
  })
})

test('silent are other members that were heard once, not this node nor strangers', () => {
  const table = tableOf(recordOf('n2'), recordOf('n3', 'suspect'))
  const silentAt = (nowMs: number) =>
    ['n1', 'n2', 'n3', 'n4'].filter((id) => table.isSilent(id as NodeId, nowMs))
  expect(silentAt(NOW_MS)).toEqual([])
  expect(silentAt(NOW_MS + SUSPECT_MS)).toEqual(['n2'])
})

describe('a refused connection', () => {
  it('proves a death at once', () => {
    const table = tableOf(recordOf('n2'))
    table.refused(n2, NOW_MS)
    expect(stateOf(table, 'n2')).toBe('dead')
    expect(table.outOfReach(NOW_MS + 60_000)).toEqual(new Map())
  })

  it('proves nothing of a member whose link is open, that has left, or that nobody knows', () => {
    const table = tableOf(recordOf('n2'), recordOf('n3'))
    table.linked(n2, NOW_MS)
    table.refused(n2, NOW_MS)
    table.merge(recordOf('n3', 'left'), NOW_MS)
    table.refused('n3' as NodeId, NOW_MS)
    table.refused('n4' as NodeId, NOW_MS)
    expect(table.records.map(({ state }) => state)).toEqual(['active', 'active', 'left'])
  })

  it('is overridden by the next life, which joins before it owns anything', () => {
    const table = tableOf(recordOf('n2'))
    table.refused(n2, NOW_MS)
    expect(table.merge(recordOf('n2', 'active'), NOW_MS)).toBe(false)
    expect(table.merge(recordOf('n2', 'joining', { incarnation: 2 }), NOW_MS)).toBe(true)
    expect(stateOf(table, 'n2')).toBe('joining')
    expect(table.placement.has(n2)).toBe(false)
    table.merge(recordOf('n2', 'active', { incarnation: 2 }), NOW_MS)
    expect(table.placement.has(n2)).toBe(true)
    // The proof was of the life before: this one may be alive where it cannot be reached.
    expect([...table.outOfReach(NOW_MS + UNREACHED_GRACE_MS).keys()]).toEqual([n2])
  })
})

describe('members out of reach', () => {
  it('are those without a link that may be alive, each since it may decide alone', () => {
    const table = tableOf(recordOf('n2'), recordOf('n3'), recordOf('n4', 'joining'))
    for (const id of ['n2', 'n3', 'n4'] as NodeId[]) table.linked(id, NOW_MS)
    expect(table.outOfReach(NOW_MS)).toEqual(new Map())
    for (const id of ['n2', 'n3', 'n4'] as NodeId[]) table.unlinked(id, NOW_MS + 7)
    expect(table.outOfReach(NOW_MS + 8)).toEqual(
      new Map([
        ['n2', NOW_MS + 7],
        ['n3', NOW_MS + 7],
      ]),
    )
    table.merge(recordOf('n3', 'left'), NOW_MS)
    expect(table.outOfReach(NOW_MS + 8)).toEqual(new Map([['n2', NOW_MS + 7]]))
    table.linked(n2, NOW_MS + 9)
    expect(table.outOfReach(NOW_MS + 9)).toEqual(new Map())
  })

  it('are counted only after a while when they were never linked', () => {
    const table = tableOf(recordOf('n2'))
    expect(table.outOfReach(NOW_MS + UNREACHED_GRACE_MS - 1)).toEqual(new Map())
    expect(table.outOfReach(NOW_MS + UNREACHED_GRACE_MS)).toEqual(new Map([['n2', NOW_MS]]))
  })
})

describe('rumours', () => {
  it("are repeated a few times, this node's own record always, and no more at once than asked", () => {
    const others = Array.from({ length: 20 }, (_, index) => recordOf(`m${index}`))
    const table = tableOf(...others)
    const told = new Map<string, number>()
    for (let frame = 0; frame < 40; frame++) {
      const records = table.takeRumours(8)
      expect(records.length).toBeLessThanOrEqual(9)
      expect(records[0]).toBe(table.self)
      for (const { id } of records.slice(1)) told.set(id, (told.get(id) ?? 0) + 1)
    }
    expect([...told.values()]).toEqual(others.map(() => RUMOUR_REPEATS))
    expect(table.takeRumours(8)).toEqual([table.self])
  })

  it('start anew when a record changes', () => {
    const table = tableOf(recordOf('n2'))
    for (let frame = 0; frame < RUMOUR_REPEATS; frame++) table.takeRumours(8)
    table.merge(recordOf('n2', 'suspect'), NOW_MS)
    expect(table.takeRumours(8).map(({ state }) => state)).toEqual(['active', 'suspect'])
  })
})

describe('the ring', () => {
  it('holds members that are active or suspect, and changes with nothing else', () => {
    const table = tableOf(recordOf('n2'), recordOf('n3'))
    const { view, members } = table.placement
    expect(members).toEqual(['n1', 'n2', 'n3'])
    table.merge(recordOf('n4', 'joining'), NOW_MS)
    table.merge(recordOf('n2', 'suspect'), NOW_MS)
    expect(table.placement.view).toBe(view)
    expect(eventsOf(table, 'ring')).toEqual([])
    table.merge(recordOf('n4', 'active'), NOW_MS)
    expect(eventsOf(table, 'ring')).toHaveLength(1)
    table.merge(recordOf('n3', 'left'), NOW_MS)
    table.merge(recordOf('n2', 'dead'), NOW_MS)
    expect(table.placement.members).toEqual(['n1', 'n4'])
  })

  it('is drawn once for all members of a frame', () => {
    const table = new Membership(recordOf('n1'), GOSSIP_MS, NOW_MS)
    for (let index = 0; index < 24; index++) table.merge(recordOf(`m${index}`), NOW_MS)
    expect(eventsOf(table, 'ring')).toMatchObject([{ members: 25 }])
  })
})

const IDS = ['n0', 'n1', 'n2', 'n3'] as NodeId[]
type Happening =
  | { readonly type: 'tell'; readonly from: number; readonly to: number }
  | {
      readonly type: 'refused' | 'silent' | 'heard' | 'linked'
      readonly at: number
      readonly about: number
    }
  | { readonly type: 'restart'; readonly at: number }

const anyNode = fc.nat(IDS.length - 1)
const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('tell' as const), from: anyNode, to: anyNode }),
    fc.record({
      type: fc.constantFrom(
        'refused' as const,
        'silent' as const,
        'heard' as const,
        'linked' as const,
      ),
      at: anyNode,
      about: anyNode,
    }),
    fc.record({ type: fc.constant('restart' as const), at: anyNode }),
  ),
  { maxLength: 60 },
)

function play(steps: readonly Happening[]): Membership[] {
  let nowMs = NOW_MS
  const start = (index: number, incarnation: number) =>
    new Membership(recordOf(IDS[index] as string, 'active', { incarnation }), GOSSIP_MS, nowMs)
  const tables = IDS.map((_, index) => start(index, 1))
  for (const step of steps) {
    nowMs += 100
    if (step.type === 'tell') {
      tell(tables[step.from] as Membership, tables[step.to] as Membership, nowMs)
      continue
    }
    const table = tables[step.at] as Membership
    if (step.type === 'restart') {
      tables[step.at] = start(step.at, table.self.incarnation + 1)
      continue
    }
    const about = IDS[step.about] as NodeId
    if (about === table.self.id) continue
    if (step.type === 'silent') table.tick(nowMs + DEAD_MS)
    else table[step.type](about, nowMs)
  }
  return tables
}

function tell(from: Membership, to: Membership, nowMs: number): void {
  for (const record of from.records) to.merge(record, nowMs)
}

describe('tables of nodes that hear each other', () => {
  it('become equal, with everybody who lives active, whatever they believed before', () => {
    const property = fc.property(
      happenings,
      fc.array(fc.tuple(anyNode, anyNode)),
      (steps, order) => {
        const tables = play(steps)
        const nowMs = NOW_MS + 60_000
        for (const [from, to] of order)
          tell(tables[from] as Membership, tables[to] as Membership, nowMs)
        for (let round = 0; round < 3; round++) {
          for (const from of tables) for (const to of tables) tell(from, to, nowMs)
        }
        const sorted = (table: Membership) => table.records.sort((a, b) => (a.id < b.id ? -1 : 1))
        for (const table of tables) {
          expect(sorted(table)).toEqual(sorted(tables[0] as Membership))
          expect(table.placement.view).toBe(tables[0]?.placement.view)
        }
        expect(tables[0]?.records.map(({ state }) => state)).toEqual(IDS.map(() => 'active'))
      },
    )
    fc.assert(property, { numRuns: 80 })
  })
})
