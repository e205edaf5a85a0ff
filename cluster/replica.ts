import type { Counts } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { AntiEntropy } from './anti-entropy.ts'
import { Copies } from './copies.ts'
import { Dissemination } from './dissemination.ts'
import { Forwarding, type TravellingCheck } from './forwarding.ts'
import { Greeting } from './greeting.ts'
import { HandOff } from './hand-off.ts'
import { Hearing } from './hearing.ts'
import { InStep } from './in-step.ts'
import { Joining } from './joining.ts'
import { Journeys, type Way } from './journeys.ts'
import { STALL_MS, SWEEP_ROWS_PER_TICK, TICK_MS, UNSYNCHRONISED_MS } from './limits.ts'
import { Membership } from './membership.ts'
import type { MemberRecord, Message } from './message.ts'
import { type Effects, Outbox } from './outbox.ts'
import { PeerClocks } from './peer-clocks.ts'
import { PeerReports } from './peer-reports.ts'
import { Publishing } from './publishing.ts'
import { Reaching } from './reach.ts'
import type { ReplicaDependencies, ReplicaOptions } from './replica-options.ts'
import type { ReplicatedState } from './replicated-state.ts'
import { Routing } from './routing.ts'
import { Weighing } from './weighing.ts'

/** What the transport observed about its link to a peer. It comes in by the same door as messages. */
export type LinkChange =
  | { readonly type: 'linked' }
  | { readonly type: 'unlinked' }
  | { readonly type: 'refused' }

/**
 * One node's whole part in the cluster. It composes the pieces and routes between them; each piece decides
 * only about its own subject. Three entries and one exit: `route`/`forward` for checks, `receive` for what
 * comes from peers, `tick` for time, and `drain` for everything that has to leave.
 */
export class Replica {
  readonly membership: Membership
  readonly reaching: Reaching
  readonly clocks = new PeerClocks()
  readonly reports: PeerReports
  readonly weighing: Weighing
  readonly copies: Copies
  /** Of what all nodes decide. */
  readonly inStep: InStep
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
  readonly #hearing: Hearing
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
    const { gossipIntervalMs, forgetAfterMs, copies = 'auto' } = options
    this.membership = new Membership(self, gossipIntervalMs, nowMs, forgetAfterMs)
    this.#dissemination = new Dissemination(state, random, options.gossipIntervalMs, nowMs)
    this.copies = new Copies(this.membership, copies, gossipIntervalMs)
    const comparing = { state, copies: this.copies, random, outbox: this.#outbox }
    this.#antiEntropy = new AntiEntropy(self.id, comparing, nowMs)
    this.#forwarding = new Forwarding(state, this.#outbox, options.forwardTimeoutMs)
    this.#routing = new Routing(this.membership, this.#forwarding)
    this.weighing = new Weighing(this.membership, this.#outbox)
    this.reaching = new Reaching(this.membership, this.weighing, () => {
      return this.#forwarding.unresponsive()
    })
    this.#greeting = new Greeting(this.membership, random, this.#outbox, options.gossipIntervalMs)
    const { membership } = this
    this.#publishing = new Publishing(
      membership,
      this.#dissemination,
      this.#greeting,
      this.copies,
      this.weighing,
      this.#outbox,
    )
    this.reports = new PeerReports(options.settings, membership, this.#outbox)
    this.#joining = new Joining(nowMs)
    this.#tickedMs = nowMs
    if (!options.joins) membership.enter('active', nowMs)
    this.#handOff = new HandOff(membership, state, this.#outbox)
    this.#journeys = new Journeys({
      membership,
      routing: this.#routing,
      forwarding: this.#forwarding,
      handOff: this.#handOff,
      outbox: this.#outbox,
      decide,
    })
    const { copies: held } = this
    this.inStep = new InStep(
      { membership, state, antiEntropy: this.#antiEntropy, copies: held, outbox: this.#outbox },
      nowMs,
    )
    this.#hearing = new Hearing({
      membership,
      state,
      antiEntropy: this.#antiEntropy,
      greeting: this.#greeting,
      handOff: this.#handOff,
      journeys: this.#journeys,
      clocks: this.clocks,
      reports: this.reports,
      weighing: this.weighing,
      inStep: this.inStep,
      outbox: this.#outbox,
      allowed: options.allowed,
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
    asked: Pick<TravellingCheck, 'key' | 'action' | 'cost' | 'ageMs' | 'wanted'>,
    nowMs: number,
  ): number {
    const id = ++this.#nextDoorId
    const origin = { type: 'door', id } as const
    // Named one by one: a copy with more properties takes V8 some microseconds.
    const { key, action, cost, ageMs, wanted } = asked
    const check: TravellingCheck = { key, action, cost, ageMs, wanted, hops: 0, origin, tried: [] }
    this.#journeys.travel(check, target, nowMs)
    return id
  }

  receive(from: NodeId, message: Message | LinkChange, nowMs: number): void {
    if (!this.#isExpected(from, message)) return
    this.#wake(nowMs)
    switch (message.type) {
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
        this.#hearing.message(from, message, nowMs)
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
    this.inStep.tick(nowMs)
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
    this.inStep.flush(nowMs)
    this.membership.enter('left', nowMs)
    const lastWords = this.#lastWords(nowMs)
    for (const peer of this.membership.linkedPeers()) {
      this.#handOff.tell(peer, lastWords(peer), nowMs)
    }
    this.#journeys.release(nowMs)
  }

  /** What has not been sent yet: to all, or to each peer of the keys that it holds now that this node does not. */
  #lastWords(nowMs: number): (peer: NodeId) => readonly Counts[] {
    if (this.copies.isScoped) {
      const holders = (hashHi: number) => this.copies.holders(hashHi)
      const delta = this.#dissemination.takeAllFor(holders, nowMs)
      return (peer) => delta.get(peer) ?? []
    }
    const delta = this.#dissemination.takeAll(nowMs)
    return () => delta
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

  #linked(peer: NodeId, nowMs: number): void {
    this.#outbox.event({ type: 'link', peer, up: true })
    this.#forwarding.linked(peer)
    this.clocks.forget(peer)
    this.membership.linked(peer, nowMs)
    this.#joining.linked(nowMs)
    this.#greeting.linked(peer, nowMs)
    this.reports.linked(peer)
    this.weighing.linked(peer)
    this.#antiEntropy.linked(peer, nowMs)
    this.inStep.linked(peer)
    if (this.membership.self.state === 'left') this.#handOff.tell(peer, [], nowMs)
  }

  #unlinked(peer: NodeId, nowMs: number): void {
    this.#outbox.event({ type: 'link', peer, up: false })
    this.membership.unlinked(peer, nowMs)
    this.#antiEntropy.unlinked(peer)
    this.inStep.unlinked(peer)
    this.#handOff.unlinked(peer)
    for (const check of this.#forwarding.unlinked(peer, nowMs)) this.#journeys.reroute(check, nowMs)
    if (this.membership.record(peer) === undefined) this.#forget(peer)
    this.#journeys.release(nowMs)
  }

  /** Keeps nothing of a peer that is not, or no longer, a member. */
  #forget(peer: NodeId): void {
    this.#forwarding.forget(peer)
    this.clocks.forget(peer)
    this.#greeting.forget(peer)
    this.reports.forget(peer)
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

  /** After a stall the first thing to come, a check or a frame, may be older than the next tick. */
  #wake(nowMs: number): void {
    if (nowMs - this.#tickedMs - TICK_MS > STALL_MS) this.#notice(nowMs)
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
    this.#handOff.forgive(stallMs)
    if (stallMs >= this.#options.gossipIntervalMs) this.membership.forgive(stallMs, nowMs)
  }
}
