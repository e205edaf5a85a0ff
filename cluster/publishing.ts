import { type Counts, NO_COUNTS } from '../crdt/counts.ts'
import type { Copies } from './copies.ts'
import type { Dissemination } from './dissemination.ts'
import type { Greeting } from './greeting.ts'
import { FRAME_RUMOURS_MAX } from './limits.ts'
import type { Membership } from './membership.ts'
import type { Gossip, MemberRecord } from './message.ts'
import type { Outbox } from './outbox.ts'
import type { Weighing } from './weighing.ts'

/** Writes the gossip frames of this node: heartbeat, rumours and counts in one. */
export class Publishing {
  readonly #membership: Membership
  readonly #dissemination: Dissemination
  readonly #greeting: Greeting
  readonly #copies: Copies
  readonly #weighing: Weighing
  readonly #outbox: Outbox
  #sequence = 0

  constructor(
    membership: Membership,
    dissemination: Dissemination,
    greeting: Greeting,
    copies: Copies,
    weighing: Weighing,
    outbox: Outbox,
  ) {
    this.#membership = membership
    this.#copies = copies
    this.#dissemination = dissemination
    this.#greeting = greeting
    this.#weighing = weighing
    this.#outbox = outbox
  }

  /** Publishes what is due by now. */
  tick(nowMs: number): void {
    const isTick = this.#dissemination.isTickDue(nowMs)
    const { isUnderWay } = this.#dissemination
    if (!isTick && !isUnderWay && !this.#dissemination.isFlushDue(nowMs)) return
    if (isTick) {
      this.#greeting.greetTheSilent(nowMs)
      this.#weighing.tick(nowMs)
    }
    if (this.#copies.isScoped) {
      this.#tellHolders(nowMs)
      if (isTick) this.publish(NO_COUNTS, nowMs)
      return
    }
    const delta = this.#dissemination.take(nowMs)
    if (delta.length === 0 && isTick) this.publish(NO_COUNTS, nowMs)
    for (const counts of delta) this.publish(counts, nowMs)
  }

  /**
   * Counts go to those alone who hold their keys, on the stream; what is broadcast is the heartbeat, and rumours.
   * Whoever is not linked is told by comparing, once it is.
   */
  #tellHolders(nowMs: number): void {
    const audience = (hashHi: number) => this.#copies.audience(hashHi)
    for (const [to, delta] of this.#dissemination.takeFor(audience, nowMs)) {
      for (const counts of delta) {
        const gossip = this.#gossip(counts, NO_MEMBERS, nowMs)
        if (to === 'all') this.#outbox.broadcast(gossip)
        else this.#outbox.send(to, gossip)
      }
    }
  }

  /**
   * Members that are joining are told of counts on the stream, too. They may not be reached by broadcasts
   * yet, and must miss nothing between their pull and the hand-over.
   */
  publish(counts: Counts, nowMs: number): void {
    const gossip = this.#gossip(counts, this.#rumours(), nowMs)
    this.#outbox.broadcast(gossip)
    if (counts.blocks.length === 0) return
    for (const peer of this.#membership.joiningPeers()) this.#outbox.send(peer, gossip)
  }

  /** Tells every peer on the stream what this node is now, ahead of whatever it says there next. */
  announce(nowMs: number): void {
    const gossip = this.#gossip(NO_COUNTS, this.#rumours(), nowMs)
    this.#outbox.broadcast(gossip)
    for (const peer of this.#membership.linkedPeers()) this.#outbox.send(peer, gossip)
  }

  #rumours(): readonly MemberRecord[] {
    return this.#membership.takeRumours(FRAME_RUMOURS_MAX)
  }

  #gossip(counts: Counts, members: readonly MemberRecord[], nowMs: number): Gossip {
    const { self, view } = this.#membership
    const weighing = this.#weighing.report
    this.#sequence += 1
    return {
      type: 'gossip',
      incarnation: self.incarnation,
      sequence: this.#sequence,
      sentMs: nowMs,
      view,
      members,
      counts,
      ...(weighing !== undefined && { weighing }),
    }
  }
}

const NO_MEMBERS: readonly MemberRecord[] = []
