import { FORWARD_TIMEOUT_MS_MAX, GOSSIP_INTERVAL_MS } from '../cluster/limits.ts'
import { seededRandom } from '../cluster/random.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { Rule } from '../src/limiter/policy.ts'
import { Node } from '../src/node.ts'

/** A whole node without doors and without others, in this process: what an embedding program has. */
export function loneNode(rule: Rule, keysMax: number, nowMs: number): Node {
  const id = 'bench' as NodeId
  return new Node(
    {
      self: { id, name: id, incarnation: 1, refutation: 0, state: 'joining', addresses: [] },
      rules: [rule],
      hashKey: { hi: 0x9e3779b9, lo: 0x7f4a7c15 },
      keysMax,
      gossipIntervalMs: GOSSIP_INTERVAL_MS,
      forwardTimeoutMs: FORWARD_TIMEOUT_MS_MAX,
      joins: false,
    },
    seededRandom(1),
    nowMs,
  )
}

/** What a node's pump does at each tick. */
export function tick(node: Node, nowMs: number): void {
  node.tick(nowMs)
  node.drain(nowMs)
}
