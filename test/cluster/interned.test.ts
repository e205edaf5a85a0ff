import { describe, expect, it } from 'vitest'
import { MEMBERS_MAX } from '../../cluster/limits.ts'
import type { MemberRecord } from '../../cluster/message.ts'
import { decode, encode } from '../../cluster/wire.ts'
import type { Actor, NodeId } from '../../crdt/node-id.ts'

function recordOf(id: string, changes: Partial<MemberRecord> = {}): MemberRecord {
  const addresses = [`memory:${id}`]
  const record = { id: id as NodeId, name: id, incarnation: 1, refutation: 0, addresses }
  return { ...record, state: 'active', ...changes }
}

/** What is read when somebody says this of a member. */
function read(record: MemberRecord): MemberRecord {
  const decoded = decode(encode({ type: 'hello', view: 1, members: [record] }))
  if (decoded.type !== 'message' || decoded.message.type !== 'hello') throw new Error('unread')
  return decoded.message.members[0] as MemberRecord
}

function readActor(actor: Actor): Actor {
  const counts = { actors: [actor], blocks: [] }
  const decoded = decode(encode({ type: 'reply', view: 1, decisions: [], counts }))
  if (decoded.type !== 'message' || decoded.message.type !== 'reply') throw new Error('unread')
  return decoded.message.counts.actors[0] as Actor
}

describe('what frames say again', () => {
  it('of a member is held once', () => {
    expect(read(recordOf('again'))).toBe(read(recordOf('again')))
  })

  it.each([
    ['state', { state: 'suspect' }],
    ['incarnation', { incarnation: 2 }],
    ['refutation', { refutation: 1 }],
    ['name', { name: 'other' }],
    ['addresses', { addresses: ['memory:other'] }],
    ['number of addresses', { addresses: ['memory:changing', 'memory:other'] }],
  ] as const)('with another %s is another record', (_, changes) => {
    read(recordOf('changing'))
    expect(read(recordOf('changing', changes))).toEqual(recordOf('changing', changes))
  })

  it('of an actor is held once, and another life is another actor', () => {
    const actor = { node: 'actor' as NodeId, incarnation: 1 }
    expect(readActor(actor)).toBe(readActor(actor))
    expect(readActor({ ...actor, incarnation: 2 })).toEqual({ ...actor, incarnation: 2 })
  })

  it('is let go of when there are more members than a node keeps track of', () => {
    const first = read(recordOf('first'))
    for (let index = 0; index < MEMBERS_MAX; index++) read(recordOf(`stranger ${index}`))
    expect(read(recordOf('first'))).not.toBe(first)
  })
})
