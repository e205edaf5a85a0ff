import type { NodeId } from '../crdt/node-id.ts'
import { FRAME_MEMBERS_MAX, GREETERS } from './limits.ts'
import type { Membership } from './membership.ts'
import type { MemberRecord } from './message.ts'
import type { Outbox } from './outbox.ts'
import type { Random } from './random.ts'

/**
 * Telling a peer about all members, on the stream: when a link opens, when the peer acts on another view,
 * and when gossip does not get through. At most once per gossip interval and peer, so that two nodes that
 * disagree do not talk each other to death.
 *
 * All members are many frames in a large cluster, and whoever is new or behind is noticed by everybody at
 * once. With more than `GREETERS` peers a node therefore tells a new link only of itself, from which the
 * other sees whether they agree; and who finds that somebody disagrees tells it all by chance, such that
 * about `GREETERS` do. A node whose own ring has just changed waits: the news may be on its way to the other.
 */
export class Greeting {
  readonly #membership: Membership
  readonly #random: Random
  readonly #outbox: Outbox
  readonly #intervalMs: number
  readonly #greetedMs = new Map<NodeId, number>()

  constructor(membership: Membership, random: Random, outbox: Outbox, intervalMs: number) {
    this.#membership = membership
    this.#random = random
    this.#outbox = outbox
    this.#intervalMs = intervalMs
  }

  /** A new link: its peer has heard nothing yet. */
  linked(peer: NodeId, nowMs: number): void {
    this.#greetedMs.delete(peer)
    this.#greet(peer, nowMs)
  }

  /** The peer acts on another view. Everybody it talks to sees that, and somebody is to tell it. */
  disagreed(peer: NodeId, nowMs: number): void {
    const { links, ring } = this.#membership
    if (links > GREETERS) {
      if (nowMs - ring.changedMs < this.#intervalMs) return
      if (this.#random.below(links) >= GREETERS) return
    }
    this.#tellAll(peer, nowMs)
  }

  /** The peer knows of no ring, and perhaps of nobody else who could tell it. */
  isNew(peer: NodeId, nowMs: number): void {
    this.#tellAll(peer, nowMs)
  }

  #greet(peer: NodeId, nowMs: number): void {
    if (this.#membership.links <= GREETERS) this.#tellAll(peer, nowMs)
    else this.#tell(peer, [])
  }

  #tellAll(peer: NodeId, nowMs: number): void {
    const lastMs = this.#greetedMs.get(peer)
    if (lastMs !== undefined && nowMs - lastMs < this.#intervalMs) return
    this.#greetedMs.set(peer, nowMs)
    const { records, self } = this.#membership
    const others = records.filter((record) => record.id !== self.id)
    for (let at = 0; at === 0 || at < others.length; at += FRAME_MEMBERS_MAX - 1) {
      this.#tell(peer, others.slice(at, at + FRAME_MEMBERS_MAX - 1))
    }
  }

  #tell(peer: NodeId, others: readonly MemberRecord[]): void {
    const { self, view } = this.#membership
    this.#outbox.send(peer, { type: 'hello', view, members: [self, ...others] })
  }

  /** Gossip may fail where the stream does not: before silence is held against a peer, talk to it. */
  greetTheSilent(nowMs: number): void {
    for (const peer of this.#membership.linkedPeers()) {
      if (this.#membership.isSilent(peer, nowMs)) this.#greet(peer, nowMs)
    }
  }

  forget(peer: NodeId): void {
    this.#greetedMs.delete(peer)
  }
}
