import type { NodeId } from '../crdt/node-id.ts'
import { FRAME_MEMBERS_MAX, SILENT_INTERVALS } from './limits.ts'
import type { Membership } from './membership.ts'
import type { Outbox } from './outbox.ts'

/**
 * Telling a peer about all members, on the stream: when a link opens, when the peer acts on another view,
 * and when gossip does not get through. At most once per gossip interval and peer, so that two nodes that
 * disagree do not talk each other to death.
 */
export class Greeting {
  readonly #membership: Membership
  readonly #outbox: Outbox
  readonly #intervalMs: number
  readonly #greetedMs = new Map<NodeId, number>()

  constructor(membership: Membership, outbox: Outbox, intervalMs: number) {
    this.#membership = membership
    this.#outbox = outbox
    this.#intervalMs = intervalMs
  }

  /** A new link: its peer has heard nothing yet. */
  linked(peer: NodeId, nowMs: number): void {
    this.#greetedMs.delete(peer)
    this.greet(peer, nowMs)
  }

  greet(peer: NodeId, nowMs: number): void {
    const lastMs = this.#greetedMs.get(peer)
    if (lastMs !== undefined && nowMs - lastMs < this.#intervalMs) return
    this.#greetedMs.set(peer, nowMs)
    const { records, placement, self } = this.#membership
    const others = records.filter((record) => record.id !== self.id)
    for (let at = 0; at === 0 || at < others.length; at += FRAME_MEMBERS_MAX - 1) {
      const members = [self, ...others.slice(at, at + FRAME_MEMBERS_MAX - 1)]
      this.#outbox.send(peer, { type: 'hello', view: placement.view, members })
    }
  }

  /** Gossip may fail where the stream does not: before silence is held against a peer, talk to it. */
  greetTheSilent(nowMs: number): void {
    for (const peer of this.#membership.linkedPeers()) {
      const silentMs = nowMs - (this.#membership.heardAtMs(peer) ?? 0)
      if (silentMs > SILENT_INTERVALS * this.#intervalMs) this.greet(peer, nowMs)
    }
  }

  forget(peer: NodeId): void {
    this.#greetedMs.delete(peer)
  }
}
