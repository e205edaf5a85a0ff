import { describe, expect, it } from 'vitest'
import { Greeting } from '../../cluster/greeting.ts'
import { FRAME_MEMBERS_MAX, GREETERS } from '../../cluster/limits.ts'
import { Membership } from '../../cluster/membership.ts'
import type { MemberRecord, Message } from '../../cluster/message.ts'
import { Outbox } from '../../cluster/outbox.ts'
import { seededRandom } from '../../cluster/random.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const GOSSIP_MS = 500
const START_MS = 1_000_000
/** When the ring has been the same for long. */
const LATER_MS = START_MS + 60_000
const PEER = 'n1' as NodeId

function recordOf(index: number): MemberRecord {
  const id = `n${index}` as NodeId
  const addresses = [`memory:${id}`]
  return { id, name: id, incarnation: 1, refutation: 0, state: 'active', addresses }
}

/** Node n0, linked with so many active peers. */
function greeter(peers: number, seed = 1) {
  const membership = new Membership(recordOf(0), GOSSIP_MS, START_MS)
  for (let index = 1; index <= peers; index++) {
    membership.merge(recordOf(index), START_MS)
    membership.linked(`n${index}` as NodeId, START_MS)
  }
  const outbox = new Outbox()
  const greeting = new Greeting(membership, seededRandom(seed), outbox, GOSSIP_MS)
  /** How many members the hellos of this turn name to `PEER`, this node itself counted once. */
  const told = () => {
    const ids = new Set<NodeId>()
    for (const outbound of outbox.drain().outbound) {
      expect(outbound).toMatchObject({ type: 'send', to: PEER, message: { type: 'hello' } })
      const message: Message = outbound.message
      if (message.type !== 'hello') continue
      expect(message.members.length).toBeLessThanOrEqual(FRAME_MEMBERS_MAX)
      for (const { id } of message.members) ids.add(id)
    }
    return ids.size
  }
  return { greeting, told }
}

describe('a new link', () => {
  it('is told of all members in a cluster of up to 17', () => {
    const { greeting, told } = greeter(GREETERS)
    greeting.linked(PEER, LATER_MS)
    expect(told()).toBe(GREETERS + 1)
  })

  it('is told only of the node itself in a larger one', () => {
    const { greeting, told } = greeter(GREETERS + 1)
    greeting.linked(PEER, LATER_MS)
    expect(told()).toBe(1)
  })
})

describe('a peer that disagrees', () => {
  it('is told of all members, once in a gossip interval', () => {
    const { greeting, told } = greeter(GREETERS)
    greeting.disagreed(PEER, LATER_MS)
    expect(told()).toBe(GREETERS + 1)
    greeting.disagreed(PEER, LATER_MS + GOSSIP_MS - 1)
    expect(told()).toBe(0)
    greeting.disagreed(PEER, LATER_MS + GOSSIP_MS)
    expect(told()).toBe(GREETERS + 1)
  })

  it('is told by about sixteen of two hundred who notice', () => {
    const chosen = Array.from({ length: 200 }, (_, seed) => {
      const { greeting, told } = greeter(200, seed + 1)
      greeting.disagreed(PEER, LATER_MS)
      const members = told()
      expect([0, 201]).toContain(members)
      return members
    }).filter((members) => members > 0)
    expect(chosen.length).toBeGreaterThan(4)
    expect(chosen.length).toBeLessThan(40)
  })

  it('is told nothing by one of many whose own ring has just changed', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { greeting, told } = greeter(200, seed)
      greeting.disagreed(PEER, START_MS + GOSSIP_MS - 1)
      expect(told()).toBe(0)
    }
  })

  it('is told for certain when it knows of no ring', () => {
    const { greeting, told } = greeter(200)
    greeting.isNew(PEER, START_MS)
    expect(told()).toBe(201)
  })
})
