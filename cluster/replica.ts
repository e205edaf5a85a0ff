import type { Counts } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { AntiEntropy } from './anti-entropy.ts'
import { Dissemination } from './dissemination.ts'
import { Forwarding, type TravellingCheck } from './forwarding.ts'
import { Greeting } from './greeting.ts'
import { HandOff } from './hand-off.ts'
import { Joining } from './joining.ts'
import { Journeys, type JourneysDependencies, type Way } from './journeys.ts'
import {
  FORWARD_STALE_MS,
  STALL_MS,
  SWEEP_ROWS_PER_TICK,
  TICK_MS,
  UNSYNCHRONISED_MS,
} from './limits.ts'
import { isPlaced } from './member-order.ts'
import { Membership } from './membership.ts'
import type {
  Forward,
  Gossip,
  HandOver,
  Hello,
  MemberRecord,
  Message,
  Repair,
  Reply,
} from './message.ts'
import { type Effects, Outbox } from './outbox.ts'
import { PeerClocks } from './peer-clocks.ts'
import { NO_RING } from './placement.ts'
import { Publishing } from './publishing.ts'
import type { Random } from './random.ts'
import { Reaching } from './reach.ts'
import type { ReplicatedState } from './replicated-state.ts'
import { Routing } from './routing.ts'

/** What the transport observed about its link to a peer. It comes in by the same door as messages. */
export type LinkChange =
  | { readonly type: 'linked' }
  | { readonly type: 'unlinked' }
  | { readonly type: 'refused' }

export interface ReplicaDependencies {
  readonly state: ReplicatedState
  /** Decides a check here and now, and records what it admits. */
  readonly decide: JourneysDependencies['decide']
  readonly random: Random
}

export interface ReplicaOptions {
  readonly gossipIntervalMs: number
  /** Ceiling of the adaptive forward timeout. */
  readonly forwardTimeoutMs: number
  /** Whether there are others to join. Without, the node is active from its first moment. */
  readonly joins: boolean
}

/**
 * One node's whole part in the cluster. It composes the pieces and routes between them; each piece decides
 * only about its own subject. Three entries and one exit: `route`/`forward` for checks, `receive` for what
 * comes from peers, `tick` for time, and `drain` for everything that has to leave.
 */
export class Replica {
  readonly membership: Membership
  readonly reaching: Reaching
  readonly #state: ReplicatedState
  readonly #options: ReplicaOptions
  readonly #outbox = new Outbox()
  readonly #dissemination: Dissemination
  readonly #antiEntropy: AntiEntropy
  readonly #forwarding: Forwarding
  readonly #routing: Routing
  readonly #joining: Joining
  readonly #greeting: Greeting
  readonly #publishing: Publishing
  readonly #handOff: HandOff
  readonly #journeys: Journeys
  readonly #clocks = new PeerClocks()
  #tickedMs: number
  #nextDoorId = 0

  constructor(
    self: MemberRecord,
    dependencies: ReplicaDependencies,
    options: ReplicaOptions,
    nowMs: number,
  ) {
    const { state, decide, random } = dependencies
    this.#state = state
    this.#options = options
    this.membership = new Membership(self, options.gossipIntervalMs, nowMs)
    this.#dissemination = new Dissemination(state, random, options.gossipIntervalMs, nowMs)
    this.#antiEntropy = new AntiEntropy(state, random, this.#outbox, nowMs)
    this.#forwarding = new Forwarding(state, this.#outbox, options.forwardTimeoutMs)
    this.#routing = new Routing(this.membership, this.#forwarding)
    this.reaching = new Reaching(this.membership, () => this.#forwarding.unresponsive())
    this.#greeting = new Greeting(this.membership, random, this.#outbox, options.gossipIntervalMs)
    const { membership } = this
    this.#publishing = new Publishing(membership, this.#dissemination, this.#greeting, this.#outbox)
    this.#joining = new Joining(nowMs)
    this.#tickedMs = nowMs
    if (!options.joins) membership.enter('active', nowMs)
    this.#handOff = new HandOff(membership, state, this.#outbox, nowMs)
    this.#journeys = new Journeys({
      membership,
      routing: this.#routing,
      forwarding: this.#forwarding,
      handOff: this.#handOff,
      outbox: this.#outbox,
      decide,
    })
  }

  /** Checks that wait now, for an answer or for a hand-over. */
  get pending(): number {
    return this.#forwarding.pending + this.#handOff.held
  }

  /** Whether this node decides now what it owns. If not, checks wait until it knows what others decided. */
  mayDecide(nowMs: number): boolean {
    this.#wake(nowMs)
    return !this.#handOff.isOpen
  }

  /** No more checks can wait; further ones are decided here. */
  get isFull(): boolean {
    return this.#forwarding.isFull || this.#handOff.isFull
  }

  /** Where to decide a check of this key: here if this node owns it, else the first owner worth asking. */
  route(hashHi: number, tried: readonly NodeId[], nowMs: number): Way {
    return this.#journeys.route(hashHi, tried, nowMs)
  }

  /** Sends a check to a peer; it is settled later, under the id returned. */
  forward(
    target: NodeId | 'later',
    asked: Pick<TravellingCheck, 'key' | 'action' | 'cost' | 'ageMs'>,
    nowMs: number,
  ): number {
    const id = ++this.#nextDoorId
    const origin = { type: 'door', id } as const
    const check: TravellingCheck = { ...asked, hops: 0, origin, tried: [] }
    this.#journeys.travel(check, target, nowMs)
    return id
  }

  receive(from: NodeId, message: Message | LinkChange, nowMs: number): void {
    if (!this.#isExpected(from, message)) return
    this.#wake(nowMs)
    if (message.type === 'forward' || message.type === 'reply') this.#heard(from, nowMs)
    switch (message.type) {
      case 'gossip':
        this.#heardGossip(from, message, nowMs)
        break
      case 'hello':
        this.#heardHello(from, message, nowMs)
        break
      case 'forward':
        this.#heardForward(from, message, nowMs)
        break
      case 'reply':
        this.#heardReply(from, message, nowMs)
        break
      case 'digest':
        this.#antiEntropy.digest(from, message)
        break
      case 'repair':
        this.#heardRepair(from, message, nowMs)
        break
      case 'hand-over':
        this.#heardHandOver(from, message, nowMs)
        break
      case 'linked':
        this.#linked(from, nowMs)
        break
      case 'unlinked':
        this.#unlinked(from, nowMs)
        break
      case 'refused':
        this.membership.refused(from, nowMs)
        break
      default:
        message satisfies never
    }
  }

  tick(nowMs: number): void {
    this.#notice(nowMs)
    this.#settleState(nowMs)
    this.#journeys.tick(nowMs)
    for (const id of this.membership.tick(nowMs)) {
      this.#forget(id)
      this.#outbox.event({ type: 'forgotten', id })
    }
    this.#antiEntropy.tick(() => this.#replicas(), nowMs)
    this.#publishing.tick(nowMs)
    this.#state.sweep(SWEEP_ROWS_PER_TICK, nowMs)
  }

  /**
   * Leaves the cluster: tells every peer directly, on the stream that forwards use, all it has admitted, its
   * levels of the keys that the peer gets, and then that it has left. From this instant it owns nothing and
   * forwards what still comes.
   */
  leave(nowMs: number): void {
    // What gossip lost of keys that have been quiet since is found by comparing, while this node drains.
    for (const peer of this.membership.linkedPeers()) this.#antiEntropy.linked(peer, nowMs)
    const lastWords = this.#dissemination.takeAll(nowMs)
    this.membership.enter('left', nowMs)
    for (const peer of this.membership.linkedPeers()) this.#handOff.tell(peer, lastWords, nowMs)
    this.#journeys.release(nowMs)
  }

  /** Decides here whatever still waits for a peer. The last thing before a node stops. */
  decideAll(nowMs: number): void {
    this.#journeys.decideAll(nowMs)
  }

  /** Takes everything that has to leave. Called once per event-loop turn. */
  drain(nowMs: number): Effects {
    this.#forwarding.view = this.membership.view
    this.#forwarding.flush(nowMs)
    for (const event of this.membership.drainEvents()) this.#outbox.event(event)
    return this.#outbox.drain()
  }

  /** Gossip may come over relays from anybody; everything else only from a peer at the other end of a link. */
  #isExpected(from: NodeId, { type }: Message | LinkChange): boolean {
    const needsLink = type !== 'gossip' && type !== 'linked' && type !== 'refused'
    return !needsLink || this.membership.isLinked(from)
  }

  #replicas(): NodeId[] {
    return this.membership.linkedPeers().filter((peer) => this.membership.isInRing(peer))
  }

  /**
   * Whoever was silent for long may have been cut off for a while without losing its link. What was told
   * meanwhile is lost, and may have fallen off before the next comparison: compare now.
   */
  #heard(from: NodeId, nowMs: number): void {
    const wasSilent = this.membership.isSilent(from, nowMs)
    this.membership.heard(from, nowMs)
    if (wasSilent && this.membership.isLinked(from)) this.#antiEntropy.linked(from, nowMs)
  }

  #heardGossip(from: NodeId, gossip: Gossip, nowMs: number): void {
    const known = this.membership.record(from)
    this.#learn(gossip.members, nowMs)
    this.#merge(gossip.counts, from, from, nowMs)
    if (known !== undefined && gossip.incarnation < known.incarnation) return
    this.#heard(from, nowMs)
    if (known !== undefined) this.#clocks.lateMs(from, gossip.sentMs, nowMs)
    this.#outbox.event({ type: 'clock', peer: from, offsetMs: gossip.sentMs - nowMs })
    const present = this.membership.record(from)
    if (present?.state === 'dead' || gossip.view !== this.membership.view) {
      this.#greeting.disagreed(from, nowMs)
    }
  }

  #heardHello(from: NodeId, hello: Hello, nowMs: number): void {
    this.#learn(hello.members, nowMs)
    this.#heard(from, nowMs)
    if (hello.view === this.membership.view) return
    if (hello.view === NO_RING) this.#greeting.isNew(from, nowMs)
    else this.#greeting.disagreed(from, nowMs)
  }

  #heardForward(from: NodeId, forward: Forward, nowMs: number): void {
    this.#merge(forward.counts, undefined, from, nowMs)
    if (this.#clocks.lateMs(from, forward.sentMs, nowMs) > FORWARD_STALE_MS) {
      this.#outbox.event({ type: 'stale', peer: from, checks: forward.checks.length })
      return
    }
    if (forward.view !== this.membership.view) this.#greeting.disagreed(from, nowMs)
    this.#journeys.asked(from, forward, nowMs)
  }

  #heardReply(from: NodeId, reply: Reply, nowMs: number): void {
    this.#merge(reply.counts, from, from, nowMs)
    if (reply.view !== this.membership.view) this.#greeting.disagreed(from, nowMs)
    this.#journeys.answered(from, reply, nowMs)
  }

  #heardRepair(from: NodeId, repair: Repair, nowMs: number): void {
    this.#antiEntropy.repair(from, repair, nowMs)
    if (!this.#antiEntropy.isSettled(from)) return
    this.#handOff.compared(from)
    this.#journeys.release(nowMs)
  }

  #heardHandOver(from: NodeId, handOver: HandOver, nowMs: number): void {
    const { membership } = this
    this.#merge(handOver.counts, from, from, nowMs)
    this.#handOff.heard(from, handOver, nowMs)
    for (const record of handOver.members) if (record.id === from) membership.merge(record, nowMs)
    this.#heard(from, nowMs)
    this.#journeys.release(nowMs)
  }

  /**
   * Rumours about members. Whoever is new in the ring is told at once of the keys it has got; those who come
   * together, by the ring of all of them. That a linked peer has left is its own to say, by a hand-over: before
   * that nobody may decide its keys.
   */
  #learn(records: readonly MemberRecord[], nowMs: number): void {
    const { membership } = this
    const newcomers: NodeId[] = []
    for (const record of records) {
      const { id, incarnation, state } = record
      if (state === 'left' && membership.isLinked(id)) continue
      const known = membership.record(id)
      // Most rumours are no news, and in a large cluster there are many.
      if (!membership.merge(record, nowMs)) continue
      const wasThere = known?.incarnation === incarnation && isPlaced(known.state)
      if (!wasThere && membership.isInRing(id)) newcomers.push(id)
    }
    for (const id of newcomers) this.#handOff.tell(id, [], nowMs)
  }

  #merge(counts: Counts, author: NodeId | undefined, from: NodeId, nowMs: number): void {
    if (counts.blocks.length === 0) return
    const result = this.#state.merge(counts, author, nowMs)
    this.#outbox.event({ type: 'merged', from, result })
  }

  #linked(peer: NodeId, nowMs: number): void {
    this.#outbox.event({ type: 'link', peer, up: true })
    this.#forwarding.linked(peer)
    this.#clocks.forget(peer)
    this.membership.linked(peer, nowMs)
    this.#joining.linked(nowMs)
    this.#greeting.linked(peer, nowMs)
    this.#antiEntropy.linked(peer, nowMs)
    if (this.membership.self.state === 'left') this.#handOff.tell(peer, [], nowMs)
  }

  #unlinked(peer: NodeId, nowMs: number): void {
    this.#outbox.event({ type: 'link', peer, up: false })
    this.membership.unlinked(peer, nowMs)
    this.#antiEntropy.unlinked(peer)
    this.#handOff.unlinked(peer)
    for (const check of this.#forwarding.unlinked(peer, nowMs)) this.#journeys.reroute(check, nowMs)
    if (this.membership.record(peer) === undefined) this.#forget(peer)
    this.#journeys.release(nowMs)
  }

  /** Keeps nothing of a peer that is not, or no longer, a member. */
  #forget(peer: NodeId): void {
    this.#forwarding.forget(peer)
    this.#clocks.forget(peer)
    this.#greeting.forget(peer)
  }

  #settleState(nowMs: number): void {
    if (this.membership.self.state !== 'joining') return
    const ready = this.#joining.isDone(
      this.membership.activeOthers(),
      (peer) => this.membership.isLinked(peer) && this.#antiEntropy.isSettled(peer),
      this.#antiEntropy.progressMs,
      nowMs,
    )
    if (!ready) return
    if (this.membership.linkedPeers().length === 0) this.#outbox.event({ type: 'joined_alone' })
    this.membership.enter('active', nowMs)
    this.#publishing.announce(nowMs)
    this.#handOff.enter(nowMs)
  }

  /** After a long stall the first thing to come, a check or a frame, may be older than the next tick. */
  #wake(nowMs: number): void {
    if (nowMs - this.#tickedMs > UNSYNCHRONISED_MS) this.#notice(nowMs)
  }

  /** Something happens again. */
  #notice(nowMs: number): void {
    const stallMs = nowMs - this.#tickedMs - TICK_MS
    this.#tickedMs = nowMs
    if (stallMs > STALL_MS) this.#forgive(stallMs, nowMs)
    if (stallMs > UNSYNCHRONISED_MS) this.#catchUp(nowMs)
  }

  /** Others may have decided this node's keys while it was stopped: it learns what they did before it decides. */
  #catchUp(nowMs: number): void {
    const peers = this.membership.linkedPeers()
    for (const peer of peers) this.#antiEntropy.linked(peer, nowMs)
    this.#handOff.resume(peers, nowMs)
  }

  /** This node did nothing for a while; what it then finds late is its own doing. */
  #forgive(stallMs: number, nowMs: number): void {
    this.#forwarding.forgive(stallMs, nowMs)
    this.#joining.forgive(stallMs)
    if (stallMs >= this.#options.gossipIntervalMs) this.membership.forgive(stallMs, nowMs)
  }
}
