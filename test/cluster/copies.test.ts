import { describe, expect, it, test } from 'vitest'
import { Copies, type CopiesWanted, isScoped } from '../../cluster/copies.ts'
import { Membership } from '../../cluster/membership.ts'
import type { MemberState } from '../../cluster/message.ts'
import { Placement } from '../../cluster/placement.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const START_MS = 1_000_000
const SETTLE_MS = 500
const hashes = Array.from({ length: 200 }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 0)

function recordOf(name: string, state: MemberState) {
  const id = name as NodeId
  return { id, name, incarnation: 1, refutation: 0, state, addresses: [] }
}

function nodeOf(members: number, wanted: CopiesWanted = 'auto') {
  const membership = new Membership(recordOf('n1', 'active'), 500, START_MS)
  const copies = new Copies(membership, wanted, SETTLE_MS)
  const put = (name: string, state: MemberState, nowMs = START_MS) => {
    membership.linked(name as NodeId, nowMs)
    membership.merge(recordOf(name, state), nowMs)
  }
  for (let index = 2; index <= members; index++) put(`n${index}`, 'active')
  copies.takeMoved(START_MS)
  return { membership, copies, put }
}

describe('replication is scoped', () => {
  it('above 16 members, and until there are 12 again', () => {
    const sizes = [15, 16, 17, 16, 13, 12, 13, 16, 17]
    let was = false
    const modes = sizes.map((size) => {
      was = isScoped('auto', size, was)
      return was
    })
    expect(modes).toEqual([false, false, true, true, true, false, false, false, true])
  })

  it('never, or above a fixed number, if that is wanted', () => {
    expect([1, 17, 1_000].map((size) => isScoped('all', size, true))).toEqual([false, false, false])
    expect([4, 5, 6].map((size) => isScoped(5, size, false))).toEqual([false, false, true])
  })
})

describe('the holders of a key', () => {
  it('are its owner and the two next nodes on the ring', () => {
    const { copies, membership } = nodeOf(20)
    expect(copies.isScoped).toBe(true)
    for (const hash of hashes) {
      expect(copies.holders(hash)).toEqual(membership.placement.preference(hash, 3))
    }
  })

  it('have among them whoever joins, where it will be, and it takes nobody’s place', () => {
    const { copies, membership, put } = nodeOf(20)
    for (const name of ['m1', 'm2']) put(name, 'joining')
    const { members } = membership.placement
    const tomorrow = new Placement([...members, 'm1' as NodeId, 'm2' as NodeId])
    let listed = 0
    for (const hash of hashes) {
      const holders = copies.holders(hash)
      const present = holders.filter((id) => members.includes(id))
      expect(present).toEqual(membership.placement.preference(hash, 3))
      expect(holders).toEqual(expect.arrayContaining(tomorrow.preference(hash, 3)))
      listed += holders.length - present.length
    }
    expect(listed).toBeGreaterThan(0)
  })

  it('are told what a node admits; of what a stand-in admits, everybody is', () => {
    const { copies } = nodeOf(20)
    for (const hash of hashes) {
      const holders = copies.holders(hash)
      const isHolder = holders.includes('n1' as NodeId)
      expect(copies.audience(hash)).toEqual(isHolder ? holders : [...holders, 'all'])
    }
  })
})

describe('keys have moved', () => {
  it('once the ring has stood still for a while, once for each change', () => {
    const { copies, put } = nodeOf(20)
    expect(copies.takeMoved(START_MS + SETTLE_MS - 1)).toBe(false)
    expect(copies.takeMoved(START_MS + SETTLE_MS)).toBe(true)
    expect(copies.takeMoved(START_MS + SETTLE_MS)).toBe(false)
    put('n21', 'active', START_MS + 10_000)
    expect(copies.takeMoved(START_MS + 10_000)).toBe(false)
    expect(copies.takeMoved(START_MS + 10_000 + SETTLE_MS)).toBe(true)
  })

  it('never while everybody holds everything', () => {
    const { copies, put } = nodeOf(15)
    put('n16', 'active', START_MS + 10_000)
    expect(copies.takeMoved(START_MS + 20_000)).toBe(false)
  })

  it('once more when everybody is a holder again', () => {
    const { copies, put } = nodeOf(17)
    expect(copies.takeMoved(START_MS + SETTLE_MS)).toBe(true)
    for (let index = 13; index <= 17; index++) put(`n${index}`, 'left', START_MS + 10_000)
    copies.takeMoved(START_MS + 10_000)
    expect(copies.isScoped).toBe(false)
    expect(copies.takeMoved(START_MS + 10_000 + SETTLE_MS)).toBe(true)
    put('n18', 'active', START_MS + 20_000)
    expect(copies.takeMoved(START_MS + 30_000)).toBe(false)
  })
})

test('only a node that is scoped and reaches everybody gives keys up', () => {
  expect(nodeOf(10).copies.mayGiveUp(START_MS)).toBe(false)
  const { copies, membership } = nodeOf(20)
  expect(copies.mayGiveUp(START_MS)).toBe(true)
  membership.unlinked('n7' as NodeId, START_MS)
  expect(copies.mayGiveUp(START_MS)).toBe(false)
})
