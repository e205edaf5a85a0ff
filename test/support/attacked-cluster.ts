import type { ClusterEvent } from '../../cluster/event.ts'
import type { Message } from '../../cluster/message.ts'
import { decode, encode } from '../../cluster/wire.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Node } from '../../src/node.ts'
import { VirtualCluster, type VirtualClusterOptions } from './virtual-cluster.ts'

/** A cluster whose nodes have all admitted something, and the node that is attacked. */
export function attackedCluster(options: Partial<VirtualClusterOptions> = {}): {
  made: VirtualCluster
  victim: Node
} {
  const made = new VirtualCluster({ nodes: 3, ...options })
  made.settle()
  for (const id of made.ids) {
    const key = made.keyOwnedBy(id)
    for (let taken = 0; taken < 5; taken++) made.check(id, { rule: 'demo', key, cost: 1 })
  }
  made.advance(600)
  return { made, victim: made.node('n1' as NodeId) }
}

/** What the node makes of a message, as it would come from the network. */
export function deliver(
  node: Node,
  from: NodeId,
  message: Message,
  nowMs: number,
): readonly ClusterEvent[] {
  const decoded = decode(encode(message))
  if (decoded.type === 'message') node.receive(from, decoded.message, nowMs)
  return node.drain(nowMs).events
}

/** A digest of all that the node has counted, and of whom it takes for a member. */
export function stateOf(node: Node, nowMs: number): string {
  const sums = node.limiter
    .digest(Number.MAX_SAFE_INTEGER, nowMs)
    .map(({ rule, limit, buckets }) => [rule, limit, ...buckets])
  const { records, view } = node.replica.membership
  return JSON.stringify([sums, records, view])
}
