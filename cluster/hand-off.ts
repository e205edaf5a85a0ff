import { type Counts, NO_COUNTS } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { TravellingCheck } from './forwarding.ts'
import { FORWARDS_PENDING_MAX, HAND_OFF_MS_MAX } from './limits.ts'
import type { Membership } from './membership.ts'
import { type HandOver, isGone } from './message.ts'
import type { Outbox } from './outbox.ts'
import type { ReplicatedState } from './replicated-state.ts'

/**
 * Changes of a key's owner by which nothing is admitted twice: first stop, then start.
 *
 *     J → all   gossip         I am active                      J holds the checks of its keys
 *     P → J     hand-over      what I admitted, and my levels   P has stopped at the instant it heard
 *     J                        decides once all it knew have handed over
 *
 *     L → all   hand-over ...  what I admitted, my levels, and: I have left         L has stopped before
 *
 * All of it travels on streams, which keep their order, so P forwards nothing to J before it has told it
 * what it knows. Two nodes that both know each other to be in the ring never own the same key, whatever
 * else they disagree on: the one that comes first on the ring does. A joiner waits until everybody whom it
 * is linked with knows of it, so while nodes only come and go in this way no key has two deciders.
 *
 * A node that dies meanwhile is not waited for, nor is anybody for more than `HAND_OFF_MS_MAX`: then this
 * node decides by the counts it has, as after a crash.
 *
 * The same wait is for a process that was stopped for a while: others may have decided its keys, and it first
 * compares counts with them.
 *
 * A joiner that knows nobody yet holds checks too, for as long from the first of them: it has neither an owner to
 * forward them to nor knows with how many other joiners it shares the limit.
 */
export class HandOff {
  readonly #membership: Membership
  readonly #state: ReplicatedState
  readonly #outbox: Outbox
  /** Who has not told yet what it knows, and how it will. */
  readonly #awaited = new Map<NodeId, 'hand-over' | 'repair'>()
  readonly #held: TravellingCheck[] = []
  /** Of a joiner that has not been asked yet: some time after it will be. */
  #untilMs = Number.POSITIVE_INFINITY
  #isOpen: boolean

  constructor(membership: Membership, state: ReplicatedState, outbox: Outbox) {
    this.#membership = membership
    this.#state = state
    this.#outbox = outbox
    this.#isOpen = membership.self.state === 'joining'
  }

  /** Whether this node may not decide yet, neither the keys it owns nor those of which it knows no owner. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Checks that wait. */
  get held(): number {
    return this.#held.length
  }

  get isFull(): boolean {
    return this.#held.length >= FORWARDS_PENDING_MAX
  }

  /** This node has just taken its place in the ring, and whoever hears of it next will stop for it. */
  enter(nowMs: number): void {
    for (const peer of this.#membership.linkedPeers()) {
      const state = this.#membership.record(peer)?.state
      if (state !== undefined && !isGone(state)) this.#awaited.set(peer, 'hand-over')
    }
    this.#hold(nowMs)
  }

  /** Others may have decided while this node was stopped; it is comparing counts with these. */
  resume(peers: readonly NodeId[], nowMs: number): void {
    for (const peer of peers) if (!this.#awaited.has(peer)) this.#awaited.set(peer, 'repair')
    this.#hold(nowMs)
  }

  /** Counts have been compared with a peer. */
  compared(peer: NodeId): void {
    if (this.#awaited.get(peer) === 'repair') this.#awaited.delete(peer)
  }

  /** The peer is in the ring from now on, or this node no longer: tells it all about the keys it has got. */
  tell(peer: NodeId, lastWords: readonly Counts[], nowMs: number): void {
    if (!this.#membership.isLinked(peer)) return
    const { self } = this.#membership
    // Asked for with the first key: a ring that is about to change again is not worth making for none.
    const isTheirs = (hashHi: number) => this.#membership.placement.owner(hashHi) === peer
    const { counts, levels } = this.#state.handOver(isTheirs, nowMs)
    const send = (part: Partial<HandOver>) => this.#outbox.send(peer, { ...NOTHING, ...part })
    for (const some of [...lastWords, ...counts]) send({ counts: some })
    for (const some of levels) send({ levels: some })
    send({ members: [self] })
  }

  /** A peer's levels. They are believed of keys that it was to hand over, or owns until it says that it has left. */
  heard(from: NodeId, { levels, members }: HandOver, nowMs: number): void {
    const heir = this.#awaited.get(from) === 'hand-over' ? this.#membership.self.id : from
    const isTheirs = (hashHi: number) => this.#membership.placement.owner(hashHi) === heir
    this.#state.takeOver(levels, isTheirs, nowMs)
    if (members.length > 0) this.#awaited.delete(from)
  }

  /** This node did nothing for so long: nobody can have told it anything meanwhile. */
  forgive(stallMs: number): void {
    this.#untilMs += stallMs
  }

  unlinked(peer: NodeId): void {
    this.#awaited.delete(peer)
  }

  hold(check: TravellingCheck, nowMs: number): void {
    this.#untilMs = Math.min(this.#untilMs, nowMs + HAND_OFF_MS_MAX)
    this.#held.push(check)
  }

  /** The checks that need wait no longer, in the order in which they came. */
  release(nowMs: number): readonly TravellingCheck[] {
    if (this.#isOpen && this.#isOver(nowMs)) this.#begin()
    if (this.#held.length === 0) return NONE
    // A joiner owns nothing: as soon as it knows a ring it can forward.
    const { self, placement } = this.#membership
    const knowsOwners = self.state === 'joining' && placement.members.length > 0
    return this.#isOpen && !knowsOwners ? NONE : this.#held.splice(0)
  }

  /** All checks, whatever they wait for. */
  abandoned(): readonly TravellingCheck[] {
    this.#close()
    return this.#held.splice(0)
  }

  #hold(nowMs: number): void {
    this.#untilMs = nowMs + HAND_OFF_MS_MAX
    this.#isOpen = this.#awaited.size > 0
  }

  #isOver(nowMs: number): boolean {
    const { state } = this.#membership.self
    return nowMs >= this.#untilMs || (state !== 'joining' && this.#awaited.size === 0)
  }

  /** Decides from now on, whether or not everybody has told what it knows. */
  #begin(): void {
    const members = this.#awaited.size
    const { state } = this.#membership.self
    if (members > 0 || state === 'joining') {
      this.#outbox.event({ type: 'hand_over_missed', members })
    }
    this.#close()
  }

  #close(): void {
    this.#isOpen = false
    this.#awaited.clear()
  }
}

const NOTHING: HandOver = { type: 'hand-over', counts: NO_COUNTS, levels: [], members: [] }
const NONE: readonly TravellingCheck[] = []
