import { describe, expect, it } from 'vitest'
import { MEMBERS_MAX } from '../../cluster/limits.ts'
import { Membership } from '../../cluster/membership.ts'
import type { MemberRecord, MemberState } from '../../cluster/message.ts'
import type { NodeId } from '../../crdt/node-id.ts'

// What members say about others is believed only as far as it can be true.

const NOW_MS = 1_000_000
const n2 = 'n2' as NodeId
const n3 = 'n3' as NodeId

function recordOf(
  id: string,
  state: MemberState = 'active',
  more: Partial<MemberRecord> = {},
): MemberRecord {
  const addresses = [`memory:${id}`]
  return { id: id as NodeId, name: id, incarnation: 1, refutation: 0, state, addresses, ...more }
}

function tableOf(...others: readonly MemberRecord[]): Membership {
  const table = new Membership(recordOf('n1'), 500, NOW_MS)
  for (const record of others) table.merge(record, NOW_MS)
  return table
}

describe('what a hostile or confused member says', () => {
  it('about a life that has not begun yet is not believed', () => {
    const table = tableOf(recordOf('n2'))
    const incarnation = Number.MAX_SAFE_INTEGER
    expect(table.merge(recordOf('n2', 'dead', { incarnation }), NOW_MS)).toBe(false)
    expect(table.record(n2)?.state).toBe('active')
  })

  it('about the death of a member that is linked and heard is a suspicion, and moves no keys', () => {
    const table = tableOf(recordOf('n2'), recordOf('n3'))
    for (const id of [n2, n3]) table.linked(id, NOW_MS)
    const { view } = table
    // n3 was on the other side of a split, and says so when it is back.
    expect(table.merge(recordOf('n2', 'dead'), NOW_MS + 700)).toBe(true)
    expect(table.record(n2)?.state).toBe('suspect')
    expect(table.view).toBe(view)
    table.heard(n2, NOW_MS + 800)
    expect(table.record(n2)?.state).toBe('active')
  })

  it('about the death of one that is silent here, too, or not linked, is believed', () => {
    const table = tableOf(recordOf('n2'), recordOf('n3'))
    table.linked(n2, NOW_MS)
    table.merge(recordOf('n2', 'dead'), NOW_MS + 800)
    expect(table.record(n2)?.state).toBe('dead')
    table.merge(recordOf('n3', 'dead'), NOW_MS)
    expect(table.record(n3)?.state).toBe('dead')
  })

  it('does not keep an honest joiner out: those gone longest are forgotten first', () => {
    const table = tableOf()
    for (let ghost = 0; ghost < MEMBERS_MAX - 1; ghost++) {
      table.merge(recordOf(`g${ghost}`), NOW_MS + ghost)
      table.refused(`g${ghost}` as NodeId, NOW_MS + ghost)
    }
    expect(table.merge(recordOf('honest', 'joining'), NOW_MS + MEMBERS_MAX)).toBe(true)
    expect(table.record('g0' as NodeId)).toBeUndefined()
    expect(table.record('g1' as NodeId)).toBeDefined()
  })
})

describe('a refused connection to a member that somebody else still hears', () => {
  it('proves nothing', () => {
    const table = tableOf(recordOf('n2'))
    table.linked(n2, NOW_MS)
    table.unlinked(n2, NOW_MS + 10)
    table.heard(n2, NOW_MS + 1_000)
    table.refused(n2, NOW_MS + 1_100)
    expect(table.record(n2)?.state).toBe('active')
  })

  it('is forgotten when the member denies its death', () => {
    const table = tableOf(recordOf('n2'))
    table.refused(n2, NOW_MS)
    expect(table.mayBeAlive().has(n2)).toBe(false)
    table.merge(recordOf('n2', 'active', { refutation: 1 }), NOW_MS)
    expect(table.mayBeAlive().has(n2)).toBe(true)
  })
})
