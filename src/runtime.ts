import type { Logger } from 'pino'
import type { ClusterEvent } from '../cluster/event.ts'
import { InFlight } from '../cluster/in-flight.ts'
import { TICK_MS } from '../cluster/limits.ts'
import type { Action, MemberRecord } from '../cluster/message.ts'
import type { Outbound } from '../cluster/outbox.ts'
import type { LinkChange } from '../cluster/replica.ts'
import type { Discovery, Transport } from '../cluster/transport.ts'
import { decode, type MalformedReason } from '../cluster/wire.ts'
import { Writer } from '../cluster/writer.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { type Clock, HoldableClock } from './clock.ts'
import {
  type Forgotten,
  forgetMember,
  type Joined,
  joinAt,
  type RefusedOrder,
} from './cluster-orders.ts'
import { clusterStatus, peersByState } from './cluster-view.ts'
import { renderEvent } from './event-log.ts'
import { inspection } from './inspection.ts'
import type { Adjustment, Answer, CheckRequest, HashedRequest, Rejection } from './limiter/check.ts'
import type { Rule } from './limiter/policy.ts'
import { withSettlement } from './limiter/settlement.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Node, Pending } from './node.ts'
import { clockOffsetsMs, nodeStatus, partitionWeight } from './node-status.ts'
import {
  type ReservationIds,
  Reservations,
  type Reserved,
  type Settled,
  type Unsettled,
} from './reservations.ts'
import type { RuleAnswer, RuleCheck } from './rule-answer.ts'
import { RuleChecks } from './rule-checks.ts'
import type { RequestFacts } from './rules/request-facts.ts'
import type { RuleBook } from './rules/rule-book.ts'
import { ownName } from './rules/variant.ts'
import type {
  ClusterStatus,
  KeyInspection,
  NodeStatus,
  Readiness,
  RunningNode,
} from './running-node.ts'
import { TickLag } from './tick-lag.ts'

export interface RuntimeDependencies {
  readonly node: Node
  /** Whose core rules the node holds. */
  readonly book: RuleBook
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Logger
  readonly reservationIds: ReservationIds
  /** Told at each tick how late it came. */
  readonly onTick?: (lateMs: number, nowMs: number) => void
  /** Absent for a node that is alone by configuration. */
  readonly transport?: Transport
  /** How the transport finds peers, if it does so by itself. */
  readonly discovery?: Discovery
}

/**
 * The pump of one node: the one timer, the one transport, the clock. It feeds the core what happens and
 * carries out what the core returns, once per event-loop turn, so that everything of one turn for one peer
 * leaves together.
 */
export class Runtime implements RunningNode {
  readonly #node: Node
  #book: RuleBook
  #checks: RuleChecks
  readonly #clock: HoldableClock
  readonly #metrics: Metrics
  readonly #log: Logger
  readonly #transport: Transport | undefined
  readonly #onTick: RuntimeDependencies['onTick']
  readonly #discovery: Discovery | undefined
  readonly #waiting = new InFlight<(answer: Answer) => void>()
  readonly #writer = new Writer()
  readonly #reservations: Reservations
  readonly #lag = new TickLag()
  #refusedRules: string | null = null
  #timer: NodeJS.Timeout | undefined
  #tickedMs: number
  #turnScheduled = false
  #isStopped = false
  #evicted = 0

  constructor(dependencies: RuntimeDependencies) {
    const { node, book, clock, metrics, log, transport, reservationIds } = dependencies
    this.#onTick = dependencies.onTick
    this.#node = node
    this.#book = book
    this.#clock = new HoldableClock(clock)
    this.#metrics = metrics
    this.#log = log
    this.#transport = transport
    this.#discovery = dependencies.discovery
    this.#checks = this.#checksBy(book)
    this.#tickedMs = this.#nowMs()
    this.#reservations = new Reservations(reservationIds, {
      rule: (name) => this.rule(name),
      hash: (rule, key) => node.limiter.rule(rule)?.hash(key),
      act: (action, request) => this.#act(action, request),
      nowMs: () => this.#nowMs(),
    })
    metrics.readFrom({
      keys: () => [...node.limiter.rules].reduce((keys, { store }) => keys + store.table.keys, 0),
      peers: () => peersByState(node.replica.membership),
      partitionWeight: (weights) => partitionWeight(node.replica, weights, this.#nowMs()),
      clockOffsetsMs: () => clockOffsetsMs(node.replica),
    })
  }

  start(): void {
    this.#transport?.attach({
      received: (from, frame) => this.#received(from, frame),
      oversize: (from) => this.#malformed(from, 'oversize'),
      linked: (peer) => this.#observed(peer, { type: 'linked' }),
      unlinked: (peer) => this.#observed(peer, { type: 'unlinked' }),
      refused: (peer) => this.#observed(peer, { type: 'refused' }),
    })
    this.#timer = setInterval(() => {
      // A late timer runs before the sockets are read. Frames that are already here come first, so that
      // a stall of this process is not taken for the silence of others.
      setImmediate(() => this.#tick())
    }, TICK_MS)
    this.#timer.unref()
  }

  /** Hands over to the others; this node goes on answering, and forwards what it no longer owns. */
  leave(): void {
    this.#node.leave(this.#nowMs())
    this.#turn()
  }

  /** The last thing a node does. Checks that still wait are answered by this node alone. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#isStopped = true
    this.#decideAll()
  }

  get name(): string {
    return this.#node.replica.membership.self.name
  }

  get rules(): readonly Rule[] {
    const states = [...this.#node.limiter.rules]
    return states.map((state) => state.rule).filter((rule) => rule.isInternal !== true)
  }

  get book(): RuleBook {
    return this.#book
  }

  /**
   * Other rules from now on; what is consumed stays so, see `Limiter.change`. What is on its way is answered by
   * the rules it was asked by.
   */
  useRules(book: RuleBook): void {
    this.#node.changeRules(withSettlement(book.coreRules), this.#nowMs())
    this.#book = book
    this.#checks = this.#checksBy(book)
    this.#metrics.rulesAre(book)
    this.#node.replica.reports.rulesAre(book.version)
    this.#scheduleTurn()
  }

  /** The rules were read again: they cannot be used for this reason, or they can. */
  rulesRead(refused: string | null): void {
    this.#refusedRules = refused
  }

  #checksBy(book: RuleBook): RuleChecks {
    return new RuleChecks({
      book,
      nodeName: this.name,
      nowMs: () => this.#nowMs(),
      counting: {
        check: (request) => this.#settled(this.#node.check(request, this.#nowMs())),
        adjust: (action, request) => this.#adjusted(action, request),
      },
      mistake: (request) => this.#node.mistake(request),
    })
  }

  rule(name: string): Rule | undefined {
    return this.#node.limiter.rule(name)?.rule
  }

  check(check: RuleCheck): RuleAnswer | Rejection | Promise<RuleAnswer> {
    return this.#checks.check(check)
  }

  atOnce<Result>(ask: () => Result): Result {
    return this.#clock.hold(ask)
  }

  mistake(check: RuleCheck): Rejection | undefined {
    return this.#checks.mistake(check)
  }

  checkRequest(facts: RequestFacts, cost?: number): ReturnType<RuleChecks['checkRequest']> {
    return this.#checks.checkRequest(facts, cost)
  }

  adjust(action: Adjustment, check: RuleCheck): RuleAnswer | Rejection | Promise<RuleAnswer> {
    return this.#checks.adjust(action, check)
  }

  #adjusted(action: Adjustment, request: CheckRequest): Answer | Rejection | Promise<Answer> {
    const outcome = this.#settled(this.#node.adjust(action, request, this.#nowMs()))
    // It may have to be told to others at once, as an admission is.
    this.#scheduleTurn()
    return outcome
  }

  reserve(check: RuleCheck, forMs?: number): Promise<Reserved<RuleAnswer> | Rejection> {
    return this.#checks.reserve(check, (request, counting) =>
      this.#reservations.reserve(request, forMs, counting),
    )
  }

  async settle(id: string, cost: number): Promise<Settled<RuleAnswer> | Unsettled | Rejection> {
    const outcome = await this.#reservations.settle(id, cost)
    if (outcome.type !== 'settled') return outcome
    const { answer } = outcome
    return { ...outcome, answer: { ...answer, rule: ownName(answer.rule) } }
  }

  #act(action: Action, request: HashedRequest): Answer | Rejection | Promise<Answer> {
    const outcome = this.#settled(this.#node.act(action, request, this.#nowMs()))
    this.#scheduleTurn()
    return outcome
  }

  #settled(outcome: Answer | Rejection | Pending): Answer | Rejection | Promise<Answer> {
    if (outcome.type !== 'pending') return outcome
    this.#scheduleTurn()
    const answer = new Promise<Answer>((resolve) => {
      this.#waiting.add(outcome.id, resolve)
    })
    if (this.#isStopped) this.#decideAll()
    return answer
  }

  readiness(): Readiness {
    const { state } = this.#node.replica.membership.self
    if (state === 'joining') return { ready: false, state }
    if (state === 'left') return { ready: false, state: 'leaving' }
    return { ready: true, state: 'active' }
  }

  cluster(): ClusterStatus {
    return clusterStatus(this.#node.replica.membership, this.#nowMs())
  }

  status(): NodeStatus {
    const rules = { version: this.#book.version, refused: this.#refusedRules }
    const pump = { ...this.readiness(), rules, lagMs: this.#lag.worstMs }
    return nodeStatus(this.#node, pump, this.#nowMs())
  }

  forget(member: string): Forgotten | RefusedOrder {
    const outcome = forgetMember(this.#node.replica.membership, member, this.#nowMs())
    if (outcome.type === 'forgotten') {
      this.#log.warn({ event: 'member_dismissed', id: outcome.id, name: outcome.name })
      this.#scheduleTurn()
    }
    return outcome
  }

  join(address: string): Joined | RefusedOrder {
    const outcome = joinAt(this.#discovery, address)
    if (outcome.type === 'joined') this.#log.info({ event: 'seed_added', address })
    return outcome
  }

  inspect(
    rule: string,
    key: string,
    descriptor: (name: string) => string | undefined = () => undefined,
  ): KeyInspection | Rejection {
    const nowMs = this.#nowMs()
    const matched = this.#book.named(rule, key, descriptor, nowMs)
    if (matched !== undefined) return inspection(this.#node, matched, nowMs)
    const counter = this.rule(rule)
    if (counter === undefined) return this.#checks.unknownRule(rule)
    return inspection(this.#node, { rule: { name: ownName(rule) }, key, counter: rule }, nowMs)
  }

  /** Nobody will answer any more what was asked of others. */
  #decideAll(): void {
    this.#node.decideAll(this.#nowMs())
    this.#turn()
  }

  #nowMs(): number {
    return this.#clock.nowMs()
  }

  #received(from: NodeId, frame: Uint8Array): void {
    const decoded = decode(frame)
    if (decoded.type === 'malformed') {
      this.#malformed(from, decoded.reason)
      return
    }
    if (decoded.message.type === 'gossip') this.#metrics.gossip('received', frame.length)
    this.#node.receive(from, decoded.message, this.#nowMs())
    this.#scheduleTurn()
  }

  /** A peer of another version is no worse for it; of all others nothing that makes no sense is to be expected. */
  #malformed(peer: NodeId, reason: MalformedReason): void {
    this.#metrics.malformedFrame(reason)
    this.#log.warn({ event: 'frame_malformed', peer, reason })
    if (reason === 'version' || this.#transport?.distrust?.(peer) !== true) return
    this.#metrics.turnedAway.peer()
    this.#log.error({ event: 'peer_distrusted', peer }, 'too much that makes no sense: cut off')
  }

  #observed(peer: NodeId, change: LinkChange): void {
    this.#node.receive(peer, change, this.#nowMs())
    this.#scheduleTurn()
  }

  #tick(): void {
    if (this.#timer === undefined) return
    const nowMs = this.#nowMs()
    const lateMs = Math.max(0, nowMs - this.#tickedMs - TICK_MS)
    this.#lag.late(lateMs, nowMs)
    this.#metrics.tickLate(lateMs / 1_000)
    this.#onTick?.(lateMs, nowMs)
    this.#tickedMs = nowMs
    this.#node.tick(nowMs)
    this.#turn()
    this.#countEvictions()
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return
    this.#turnScheduled = true
    setImmediate(() => {
      this.#turnScheduled = false
      this.#turn()
    })
  }

  /** Carries out everything that one turn of the event loop has brought about. */
  #turn(): void {
    const effects = this.#node.drain(this.#nowMs())
    for (const outbound of effects.outbound) this.#send(outbound)
    for (const event of effects.events) this.#render(event)
    for (const { id, answer } of effects.answers) this.#waiting.take(id)?.(answer)
  }

  #send(outbound: Outbound): void {
    if (this.#transport === undefined) return
    const frame = this.#writer.frameOf(outbound.message)
    if (outbound.type === 'send') this.#transport.send(outbound.to, frame)
    else {
      this.#transport.broadcast(frame)
      this.#metrics.gossip('sent', frame.length)
    }
  }

  #render(event: ClusterEvent): void {
    renderEvent(event, this.#metrics, this.#log)
    if (event.type === 'member') this.#keepLink(event.id)
    if (event.type === 'link' && !event.up) this.#letGo(event.peer)
    if (event.type === 'forgotten') this.#transport?.forget(event.id)
  }

  /** Every member is to be linked. */
  #keepLink(id: NodeId): void {
    const { membership } = this.#node.replica
    const record: MemberRecord | undefined = membership.record(id)
    if (record === undefined || id === membership.self.id || record.state === 'left') return
    this.#transport?.know(id, record.addresses)
  }

  /** A member that has left still forwards what reaches it, as long as its link lasts. */
  #letGo(id: NodeId): void {
    if (this.#node.replica.membership.record(id)?.state === 'left') this.#transport?.forget(id)
  }

  #countEvictions(): void {
    let evicted = 0
    for (const { store } of this.#node.limiter.rules) evicted += store.evicted
    if (evicted > this.#evicted) this.#metrics.keysEvicted(evicted - this.#evicted)
    this.#evicted = evicted
  }
}
