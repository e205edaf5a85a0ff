import { expect, test } from 'vitest'
import { Copies } from '../../cluster/copies.ts'
import { Dissemination } from '../../cluster/dissemination.ts'
import { Greeting } from '../../cluster/greeting.ts'
import { Membership } from '../../cluster/membership.ts'
import type { MemberRecord, MemberState } from '../../cluster/message.ts'
import { Outbox } from '../../cluster/outbox.ts'
import { Publishing } from '../../cluster/publishing.ts'
import { seededRandom } from '../../cluster/random.ts'
import type { ReplicatedState } from '../../cluster/replicated-state.ts'
import { Weighing } from '../../cluster/weighing.ts'
import { type Counts, NO_COUNTS } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const GOSSIP_MS = 500
const START_MS = 1_000_000
const COUNTS: Counts = {
  actors: [],
  blocks: [{ rule: 'rule', sliceMs: [1], base: [1], entries: [] }],
}

function recordOf(id: string, state: MemberState): MemberRecord {
  return { id: id as NodeId, name: id, incarnation: 1, refutation: 0, state, addresses: [] }
}

/** Node n1, linked with n2, which joins, and n3, which is in the ring. */
function publisher() {
  const membership = new Membership(recordOf('n1', 'active'), GOSSIP_MS, START_MS)
  for (const [id, state] of [['n2', 'joining'] as const, ['n3', 'active'] as const]) {
    membership.merge(recordOf(id, state), START_MS)
    membership.linked(id as NodeId, START_MS)
  }
  const outbox = new Outbox()
  const random = seededRandom(1)
  const state = {} as ReplicatedState
  const dissemination = new Dissemination(state, random, GOSSIP_MS, START_MS)
  const copies = new Copies(membership, 'all', GOSSIP_MS)
  const greeting = new Greeting(membership, random, outbox, GOSSIP_MS)
  const publishing = new Publishing(
    membership,
    dissemination,
    greeting,
    copies,
    new Weighing(membership, outbox),
    outbox,
  )
  /** To whom it says this. */
  const publish = (counts: Counts) => {
    publishing.publish(counts, START_MS)
    const { outbound } = outbox.drain()
    return outbound.map((leaving) => (leaving.type === 'send' ? leaving.to : 'all'))
  }
  return { membership, publish }
}

test('counts go to all, and to those who join on the stream, too', () => {
  expect(publisher().publish(COUNTS)).toEqual(['all', 'n2'])
})

test('a heartbeat without counts goes to all, and not on streams', () => {
  expect(publisher().publish(NO_COUNTS)).toEqual(['all'])
})

test('who has joined, has left or is not linked is not told on the stream', () => {
  const { membership, publish } = publisher()
  membership.merge(recordOf('n2', 'active'), START_MS)
  expect(publish(COUNTS)).toEqual(['all'])
  membership.merge(recordOf('n4', 'joining'), START_MS)
  expect(publish(COUNTS)).toEqual(['all'])
  membership.linked('n4' as NodeId, START_MS)
  expect(publish(COUNTS)).toEqual(['all', 'n4'])
  membership.unlinked('n4' as NodeId, START_MS)
  expect(publish(COUNTS)).toEqual(['all'])
})
