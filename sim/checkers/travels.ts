import type { ForwardedCheck } from '../../cluster/message.ts'
import type { Outbound } from '../../cluster/outbox.ts'
import type { NodeId } from '../../crdt/node-id.ts'

/**
 * Forwarded checks on their way, by who asked whom: until they are answered, or until the asker has given up
 * on its peer.
 */
export class Travels {
  readonly #asked = new Map<NodeId, Map<NodeId, Map<number, ForwardedCheck>>>()

  sent(from: NodeId, { to, message }: Extract<Outbound, { type: 'send' }>): void {
    if (message.type !== 'forward') return
    const asked = this.between(from, to)
    for (const check of message.checks) asked.set(check.id, check)
  }

  /** What `asker` wants to know of `peer`, by id. */
  between(asker: NodeId, peer: NodeId): Map<number, ForwardedCheck> {
    let peers = this.#asked.get(asker)
    if (peers === undefined) {
      peers = new Map()
      this.#asked.set(asker, peers)
    }
    let asked = peers.get(peer)
    if (asked === undefined) {
      asked = new Map()
      peers.set(peer, asked)
    }
    return asked
  }

  /** Links that are lost take what was under way with them. */
  lost(asker: NodeId, peer: NodeId): void {
    this.#asked.get(asker)?.get(peer)?.clear()
  }
}
