import { type Counts, type KeyRef, NO_COUNTS } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { AntiEntropy } from './anti-entropy.ts'
import { Dissemination } from './dissemination.ts'
import type { StandInReason } from './event.ts'
import { Forwarding, type TravellingCheck } from './forwarding.ts'
import { Greeting } from './greeting.ts'
import { Joining } from './joining.ts'
import {
  FORWARD_ATTEMPTS_MAX,
  FORWARD_STALE_MS,
  FRAME_RUMOURS_MAX,
  HOPS_MAX,
  STALL_MS,
  SWEEP_ROWS_PER_TICK,
  TICK_MS,
} from './limits.ts'
import { Membership } from './membership.ts'
import type {
  Forward,
  ForwardedCheck,
  ForwardedDecision,
  Gossip,
  Hello,
  MemberRecord,
  Message,
  Reply,
} from './message.ts'
import { type Effects, Outbox } from './outbox.ts'
import { PeerClocks } from './peer-clocks.ts'
import type { Random } from './random.ts'
import { Reaching } from './reach.ts'
import type { ReplicatedState } from './replicated-state.ts'
import { type Route, Routing } from './routing.ts'

/** What the transport observed about its link to a peer. It comes in by the same door as messages. */
export type LinkChange =
  | { readonly type: 'linked' }
  | { readonly type: 'unlinked' }
  | { readonly type: 'refused' }

export interface ReplicaDependencies {
  readonly state: ReplicatedState
  /** Decides a check here and now, and records what it admits. */
  readonly decide: (check: ForwardedCheck, nowMs: number) => ForwardedDecision
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
  readonly #decide: ReplicaDependencies['decide']
  readonly #options: ReplicaOptions
  readonly #outbox = new Outbox()
  readonly #dissemination: Dissemination
  readonly #antiEntropy: AntiEntropy
  readonly #forwarding: Forwarding
  readonly #routing: Routing
  readonly #joining: Joining
  readonly #greeting: Greeting
  readonly #clocks = new PeerClocks()
  #sequence = 0
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
    this.#decide = decide
    this.#options = options
    this.membership = new Membership(self, options.gossipIntervalMs, nowMs)
    this.#dissemination = new Dissemination(state, random, options.gossipIntervalMs, nowMs)
    this.#antiEntropy = new AntiEntropy(state, random, this.#outbox, nowMs)
    this.#forwarding = new Forwarding(state, this.#outbox, options.forwardTimeoutMs)
    this.#routing = new Routing(this.membership, this.#forwarding, options.gossipIntervalMs)
    const unresponsive = () => this.#forwarding.unresponsive()
    this.reaching = new Reaching(this.membership, unresponsive, options.gossipIntervalMs)
    this.#greeting = new Greeting(this.membership, random, this.#outbox, options.gossipIntervalMs)
    this.#joining = new Joining(nowMs)
    this.#tickedMs = nowMs
    if (!options.joins) this.membership.enter('active', nowMs)
  }

  /** Forwarded checks that wait for an answer now. */
  get pending(): number {
    return this.#forwarding.pending
  }

  /** No more checks can wait; further ones are decided here. */
  get isFull(): boolean {
    return this.#forwarding.isFull
  }

  /** Where to decide a check of this key: here if this node owns it, else the first owner worth asking. */
  route(hashHi: number, tried: readonly NodeId[], nowMs: number): Route {
    return this.#routing.route(hashHi, tried, nowMs)
  }

  /** Sends a check to a peer; it is settled later, under the id returned. */
  forward(target: NodeId, key: KeyRef, cost: number, nowMs: number): number {
    const id = ++this.#nextDoorId
    const check: TravellingCheck = { key, cost, hops: 0, origin: { type: 'door', id }, tried: [] }
    this.#travel(check, target, nowMs)
    return id
  }

  receive(from: NodeId, message: Message | LinkChange, nowMs: number): void {
    if (!this.#isExpected(from, message)) return
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
        this.#antiEntropy.repair(from, message, nowMs)
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
    const stallMs = nowMs - this.#tickedMs - TICK_MS
    this.#tickedMs = nowMs
    if (stallMs > STALL_MS) this.#forgive(stallMs)
    this.#settleState(nowMs)
    for (const check of this.#forwarding.overdue(nowMs)) this.#reroute(check, nowMs)
    for (const id of this.membership.tick(nowMs)) {
      this.#forget(id)
      this.#outbox.event({ type: 'forgotten', id })
    }
    this.#antiEntropy.tick(() => this.#replicas(), nowMs)
    this.#publishWhatIsDue(nowMs)
    this.#state.sweep(SWEEP_ROWS_PER_TICK, nowMs)
  }

  /**
   * Leaves the cluster: tells every peer directly, on the stream that forwards use, all it has admitted and
   * then that it has left. From this instant it owns nothing and forwards what still comes.
   */
  leave(nowMs: number): void {
    // What gossip lost of keys that have been quiet since is found by comparing, while this node drains.
    for (const peer of this.membership.linkedPeers()) this.#antiEntropy.linked(peer, nowMs)
    const lastWords = this.#dissemination.takeAll(nowMs)
    this.membership.enter('left', nowMs)
    for (const peer of this.membership.linkedPeers()) {
      for (const counts of [...lastWords, NO_COUNTS]) {
        this.#outbox.send(peer, this.#gossip(counts, [this.membership.self], nowMs))
      }
    }
  }

  /** Decides here whatever still waits for a peer. The last thing before a node stops. */
  decideAll(nowMs: number): void {
    for (const check of this.#forwarding.abandoned()) this.#decideHere(check, nowMs)
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

  #travel(check: TravellingCheck, target: Route, nowMs: number): void {
    if (target === 'here') this.#decideHere(check, nowMs)
    else if (this.#forwarding.isFull) this.#standIn(check, 'backlog', nowMs)
    else this.#forwarding.ask(target, check, nowMs)
  }

  /** A check came back unanswered: ask the next candidate, or decide. */
  #reroute(check: TravellingCheck, nowMs: number): void {
    const isLast = check.tried.length >= FORWARD_ATTEMPTS_MAX
    const route = isLast ? 'here' : this.route(check.key.hashHi, check.tried, nowMs)
    if (route === 'here') this.#standIn(check, 'owner_unreachable', nowMs)
    else this.#travel(check, route, nowMs)
  }

  #standIn(check: TravellingCheck, reason: StandInReason, nowMs: number): void {
    this.#outbox.event({ type: 'stand_in', reason })
    this.#decideHere(check, nowMs)
  }

  /** It may not be forwarded again: it is decided here, whoever owns its key. */
  #endJourney(check: TravellingCheck, nowMs: number): void {
    const { placement, self } = this.membership
    const isOwner = placement.owner(check.key.hashHi) === self.id
    if (isOwner) this.#decideHere(check, nowMs)
    else this.#standIn(check, 'hop_limit', nowMs)
  }

  #decideHere(check: TravellingCheck, nowMs: number): void {
    const { key, cost, hops, origin } = check
    const { rule, hashHi, hashLo } = key
    const decision = this.#decide({ rule, hashHi, hashLo, cost, hops, id: origin.id }, nowMs)
    this.#settle(check, decision, this.membership.self.id, nowMs)
  }

  #settle(check: TravellingCheck, decision: ForwardedDecision, by: NodeId, nowMs: number): void {
    const { origin, key } = check
    if (origin.type === 'door') this.#outbox.settle({ id: origin.id, decision, by })
    else this.#forwarding.answer(origin.peer, key, { ...decision, id: origin.id }, nowMs)
  }

  /**
   * Whoever was silent for long may have been cut off for a while without losing its link. What was told
   * meanwhile is lost, and may have fallen off before the next comparison: compare now.
   */
  #heard(from: NodeId, nowMs: number): void {
    const wasSilent = this.#routing.isSilent(from, nowMs)
    this.membership.heard(from, nowMs)
    if (wasSilent && this.membership.isLinked(from)) this.#antiEntropy.linked(from, nowMs)
  }

  #heardGossip(from: NodeId, gossip: Gossip, nowMs: number): void {
    const known = this.membership.record(from)
    for (const record of gossip.members) this.membership.merge(record, nowMs)
    this.#merge(gossip.counts, from, from, nowMs)
    if (known !== undefined && gossip.incarnation < known.incarnation) return
    this.#heard(from, nowMs)
    this.#clocks.lateMs(from, gossip.sentMs, nowMs)
    this.#outbox.event({ type: 'clock', peer: from, offsetMs: gossip.sentMs - nowMs })
    const present = this.membership.record(from)
    if (present?.state === 'dead' || gossip.view !== this.membership.view) {
      this.#greeting.disagreed(from, nowMs)
    }
  }

  #heardHello(from: NodeId, hello: Hello, nowMs: number): void {
    for (const record of hello.members) this.membership.merge(record, nowMs)
    this.#heard(from, nowMs)
    if (hello.view !== this.membership.view) this.#greeting.disagreed(from, nowMs)
  }

  #heardForward(from: NodeId, forward: Forward, nowMs: number): void {
    this.#merge(forward.counts, undefined, from, nowMs)
    if (this.#clocks.lateMs(from, forward.sentMs, nowMs) > FORWARD_STALE_MS) {
      this.#outbox.event({ type: 'stale', peer: from, checks: forward.checks.length })
      return
    }
    if (forward.view !== this.membership.view) this.#greeting.disagreed(from, nowMs)
    for (const { id, rule, hashHi, hashLo, cost, hops } of forward.checks) {
      const key: KeyRef = { rule, hashHi, hashLo }
      const origin = { type: 'peer', peer: from, id } as const
      const check: TravellingCheck = { key, cost, hops, origin, tried: [] }
      if (hops >= HOPS_MAX) this.#endJourney(check, nowMs)
      else {
        const route = this.route(key.hashHi, [from], nowMs)
        this.#travel(check, route, nowMs)
      }
    }
  }

  #heardReply(from: NodeId, reply: Reply, nowMs: number): void {
    this.#merge(reply.counts, from, from, nowMs)
    if (reply.view !== this.membership.view) this.#greeting.disagreed(from, nowMs)
    for (const decision of reply.decisions) {
      const check = this.#forwarding.answered(from, decision.id, nowMs)
      if (check === undefined) continue
      if (decision.verdict !== 'unknown_rule') this.#settle(check, decision, from, nowMs)
      else this.#standIn(check, 'unknown_rule', nowMs)
    }
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
  }

  #unlinked(peer: NodeId, nowMs: number): void {
    this.#outbox.event({ type: 'link', peer, up: false })
    this.membership.unlinked(peer, nowMs)
    this.#antiEntropy.unlinked(peer)
    for (const check of this.#forwarding.unlinked(peer, nowMs)) this.#reroute(check, nowMs)
    if (this.membership.record(peer) === undefined) this.#forget(peer)
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
      this.membership.othersIn('active'),
      (peer) => this.membership.isLinked(peer) && this.#antiEntropy.isSettled(peer),
      this.#antiEntropy.progressMs,
      nowMs,
    )
    if (!ready) return
    if (this.membership.linkedPeers().length === 0) this.#outbox.event({ type: 'joined_alone' })
    this.membership.enter('active', nowMs)
    this.#publish(NO_COUNTS, nowMs)
  }

  #publishWhatIsDue(nowMs: number): void {
    const isTick = this.#dissemination.isTickDue(nowMs)
    const { isUnderWay } = this.#dissemination
    if (!isTick && !isUnderWay && !this.#dissemination.isFlushDue(nowMs)) return
    if (isTick) this.#greeting.greetTheSilent(nowMs)
    const delta = this.#dissemination.take(nowMs)
    if (delta.length === 0 && isTick) this.#publish(NO_COUNTS, nowMs)
    for (const counts of delta) this.#publish(counts, nowMs)
  }

  #publish(counts: Counts, nowMs: number): void {
    const members = this.membership.takeRumours(FRAME_RUMOURS_MAX)
    this.#outbox.broadcast(this.#gossip(counts, members, nowMs))
  }

  #gossip(counts: Counts, members: readonly MemberRecord[], nowMs: number): Gossip {
    this.#sequence += 1
    return {
      type: 'gossip',
      incarnation: this.membership.self.incarnation,
      sequence: this.#sequence,
      sentMs: nowMs,
      view: this.membership.view,
      members,
      counts,
    }
  }

  /** This node did nothing for a while; what it then finds late is its own doing. */
  #forgive(stallMs: number): void {
    this.#forwarding.forgive(stallMs)
    if (stallMs >= this.#options.gossipIntervalMs) this.membership.forgive(stallMs)
  }
}
