import type { Logger } from 'pino'
import type { ClusterEvent } from '../cluster/event.ts'
import { TICK_MS } from '../cluster/limits.ts'
import {
  type Action,
  MEMBER_STATES,
  type MemberRecord,
  type MemberState,
} from '../cluster/message.ts'
import type { Outbound } from '../cluster/outbox.ts'
import type { LinkChange } from '../cluster/replica.ts'
import type { Transport } from '../cluster/transport.ts'
import { decode } from '../cluster/wire.ts'
import { Writer } from '../cluster/writer.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { Clock } from './clock.ts'
import { renderEvent } from './event-log.ts'
import type { Adjustment, Answer, CheckRequest, HashedRequest, Rejection } from './limiter/check.ts'
import { inspectKey } from './limiter/inspect.ts'
import { hashHex } from './limiter/key-hash.ts'
import type { Rule } from './limiter/policy.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Node, Pending } from './node.ts'
import {
  type ReservationIds,
  Reservations,
  type Reserved,
  SETTLED_RULE,
  type Settled,
  type Unsettled,
} from './reservations.ts'
import type { RuleAnswer, RuleCheck } from './rule-answer.ts'
import { RuleChecks } from './rule-checks.ts'
import type { RequestFacts } from './rules/request-facts.ts'
import type { Matched, RuleBook } from './rules/rule-book.ts'
import { ownName } from './rules/variant.ts'
import type { ClusterStatus, KeyInspection, Readiness, RunningNode } from './running-node.ts'

export interface RuntimeDependencies {
  readonly node: Node
  /** Whose core rules the node holds. */
  readonly book: RuleBook
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Logger
  readonly reservationIds: ReservationIds
  /** Absent for a node that is alone by configuration. */
  readonly transport?: Transport
}

/** What a node has to hold to enforce these rules. */
export function coreRulesOf({ coreRules }: RuleBook): readonly Rule[] {
  return [...coreRules, SETTLED_RULE]
}

/** What of a match decides where its counts are. */
type Inspected = Omit<Matched, 'rule'> & { readonly rule: { readonly name: string } }

/**
 * The pump of one node: the one timer, the one transport, the clock. It feeds the core what happens and
 * carries out what the core returns, once per event-loop turn, so that everything of one turn for one peer
 * leaves together.
 */
export class Runtime implements RunningNode {
  readonly #node: Node
  #book: RuleBook
  #checks: RuleChecks
  readonly #clock: Clock
  readonly #metrics: Metrics
  readonly #log: Logger
  readonly #transport: Transport | undefined
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  readonly #writer = new Writer()
  readonly #reservations: Reservations
  #timer: NodeJS.Timeout | undefined
  #tickedMs: number
  #turnScheduled = false
  #isStopped = false
  #evicted = 0

  constructor({ node, book, clock, metrics, log, transport, reservationIds }: RuntimeDependencies) {
    this.#node = node
    this.#book = book
    this.#clock = clock
    this.#metrics = metrics
    this.#log = log
    this.#transport = transport
    this.#checks = this.#checksBy(book)
    this.#tickedMs = this.#nowMs()
    this.#reservations = new Reservations(reservationIds, {
      rule: (name) => this.rule(name),
      hash: (rule, key) => node.limiter.rule(rule)?.hash(key),
      act: (action, request) => this.#act(action, request),
      nowMs: () => this.#nowMs(),
    })
    metrics.readFrom({ keys: () => this.#keys(), peers: () => this.#peers() })
  }

  start(): void {
    this.#transport?.attach({
      received: (from, frame) => this.#received(from, frame),
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
    this.#node.changeRules(coreRulesOf(book), this.#nowMs())
    this.#book = book
    this.#checks = this.#checksBy(book)
    this.#metrics.rulesAre(book)
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
    })
  }

  rule(name: string): Rule | undefined {
    return this.#node.limiter.rule(name)?.rule
  }

  check(check: RuleCheck): RuleAnswer | Rejection | Promise<RuleAnswer> {
    return this.#checks.check(check)
  }

  checkRequest(
    facts: RequestFacts,
    cost?: number,
  ): RuleAnswer | Rejection | Promise<RuleAnswer | Rejection> {
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
      this.#waiting.set(outcome.id, resolve)
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
    const { membership } = this.#node.replica
    const nowMs = this.#nowMs()
    const members = membership.records.map((record) => {
      const self = record.id === membership.self.id
      const heardAtMs = membership.heardAtMs(record.id)
      const heardMsAgo = heardAtMs === undefined ? null : Math.max(0, nowMs - heardAtMs)
      return {
        id: record.id,
        name: record.name,
        state: record.state,
        incarnation: record.incarnation,
        self,
        linked: membership.isLinked(record.id),
        heardMsAgo: self ? 0 : heardMsAgo,
        addresses: record.addresses,
      }
    })
    members.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
    return { node: this.name, id: membership.self.id, view: membership.placement.view, members }
  }

  inspect(
    rule: string,
    key: string,
    descriptor: (name: string) => string | undefined = () => undefined,
  ): KeyInspection | Rejection {
    const matched = this.#book.named(rule, key, descriptor, this.#nowMs())
    if (matched !== undefined) return this.#inspection(matched)
    const counter = this.rule(rule)
    if (counter === undefined) return this.#checks.unknownRule(rule)
    return this.#inspection({ rule: { name: ownName(rule) }, key, counter: rule })
  }

  #inspection({ rule, key, counter, tier, override }: Inspected): KeyInspection {
    const named = {
      rule: rule.name,
      key,
      ...(tier !== undefined && { tier }),
      ...(override !== undefined && { override: override.key }),
    }
    const { limiter, replica } = this.#node
    const state = counter === undefined ? undefined : limiter.rule(counter)
    if (state === undefined) return { ...named, hash: '', owners: [], limits: [] }
    const hash = state.hash(key)
    state.bring(hash, this.#nowMs())
    const { placement } = replica.membership
    const nameOf = (id: NodeId) => replica.membership.record(id)?.name ?? id
    const owners = placement.preference(hash.hi, placement.members.length).map(nameOf)
    const limits = inspectKey(state, limiter.actors, hash, this.#nowMs()).map((view) => ({
      limit: `${view.limit.policy.rate.count}/${view.limit.policy.rate.periodMs}ms burst ${view.limit.policy.burst}`,
      sliceMs: view.limit.sliceMs,
      level: view.level,
      acting: view.acting,
      counts: view.counts.map(({ slice, actor, tokens }) => ({
        slice,
        node: nameOf(actor.node),
        incarnation: actor.incarnation,
        tokens,
      })),
    }))
    return { ...named, hash: hashHex(hash), owners, limits }
  }

  /** Nobody will answer any more what was asked of others. */
  #decideAll(): void {
    this.#node.decideAll(this.#nowMs())
    this.#turn()
  }

  #nowMs(): number {
    return Math.floor(this.#clock.nowMs())
  }

  #received(from: NodeId, frame: Uint8Array): void {
    const decoded = decode(frame)
    if (decoded.type === 'malformed') {
      this.#metrics.malformedFrame(decoded.reason)
      this.#log.warn({ event: 'frame_malformed', peer: from, reason: decoded.reason })
      return
    }
    if (decoded.message.type === 'gossip') this.#metrics.gossip('received', frame.length)
    this.#node.receive(from, decoded.message, this.#nowMs())
    this.#scheduleTurn()
  }

  #observed(peer: NodeId, change: LinkChange): void {
    this.#node.receive(peer, change, this.#nowMs())
    this.#scheduleTurn()
  }

  #tick(): void {
    if (this.#timer === undefined) return
    const nowMs = this.#nowMs()
    this.#metrics.tickLate(Math.max(0, nowMs - this.#tickedMs - TICK_MS) / 1_000)
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
    for (const { id, answer } of effects.answers) {
      this.#waiting.get(id)?.(answer)
      this.#waiting.delete(id)
    }
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

  #keys(): number {
    let keys = 0
    for (const { store } of this.#node.limiter.rules) keys += store.table.keys
    return keys
  }

  #peers(): Map<MemberState, number> {
    const peers = new Map<MemberState, number>(MEMBER_STATES.map((state) => [state, 0]))
    const { membership } = this.#node.replica
    for (const { id, state } of membership.records) {
      if (id !== membership.self.id) peers.set(state, (peers.get(state) ?? 0) + 1)
    }
    return peers
  }
}
