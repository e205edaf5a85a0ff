import type { CopiesWanted } from '../cluster/copies.ts'
import type { ClusterEvent, StandInReason } from '../cluster/event.ts'
import { InFlight } from '../cluster/in-flight.ts'
import {
  CLOCK_AHEAD_MS_MAX,
  COUNT_NUMBERS_MAX,
  EARLY_FLUSH_BURST_SHARE,
  FRAME_ACTORS_MAX,
  HAND_OFF_MS_MAX,
  LEASE_MS,
  LEASE_TOKENS_MIN,
  LEVEL_NUMBERS_MAX,
  MESSAGE_RULES_MAX,
} from '../cluster/limits.ts'
import type {
  Action,
  ForwardedCheck,
  ForwardedDecision,
  Lease,
  MemberRecord,
  Message,
  Settings,
} from '../cluster/message.ts'
import { type Effects, NO_EFFECTS, type Settled } from '../cluster/outbox.ts'
import { standing } from '../cluster/partition-policy.ts'
import type { Random } from '../cluster/random.ts'
import { type LinkChange, Replica } from '../cluster/replica.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { Answering } from './answering.ts'
import { forwardedDecision, settledDecision, undecided } from './forwarded-decision.ts'
import { closed } from './limiter/admission.ts'
import type {
  Adjustment,
  Answer,
  CheckRequest,
  DecidedBy,
  HashedRequest,
  Rejection,
} from './limiter/check.ts'
import type { Decision } from './limiter/decision.ts'
import type { KeyHash } from './limiter/key-hash.ts'
import { Limiter } from './limiter/limiter.ts'
import type { Rule } from './limiter/policy.ts'
import { adjustmentMistake } from './limiter/rejection.ts'
import type { RuleState } from './limiter/rule-state.ts'
import { OriginMemory, type OthersCheck } from './origin-memory.ts'

export interface NodeOptions {
  readonly self: MemberRecord
  readonly rules: readonly Rule[]
  /** Secret words that place keys; the same on all nodes of a cluster. */
  readonly hashKey: KeyHash
  /** Rows of memory per rule. */
  readonly keysMax: number
  readonly gossipIntervalMs: number
  /** Ceiling of the adaptive forward timeout. */
  readonly forwardTimeoutMs: number
  /** Whether there are other nodes to join; without, this one is active at once. */
  readonly joins: boolean
  /** Who may be a member of the cluster; absent: whoever is told of. */
  readonly allowed?: ReadonlySet<NodeId> | undefined
  /** How long a member that is gone is remembered; see `forgetAfterMs` in options.ts. */
  readonly forgetAfterMs?: number
  /** What peers are told of this node's settings; without, nothing. */
  readonly settings?: Settings
  /** How many nodes hold each key; default `auto`. */
  readonly copies?: CopiesWanted | undefined
}

/** The check has been forwarded; its answer is among the effects of a later turn, under this id. */
export interface Pending {
  readonly type: 'pending'
  readonly id: number
}

export interface NodeEffects extends Effects {
  readonly answers: readonly { readonly id: number; readonly answer: Answer }[]
}

const NO_NODE_EFFECTS: NodeEffects = { ...NO_EFFECTS, answers: [] }

interface PendingCheck extends OthersCheck {
  readonly action: Action
  readonly askedMs: number
}

/**
 * One whole node as a state machine: a limiter, and its replica in the cluster. Time and randomness are
 * arguments, effects are returned, nothing waits; the server and the simulator drive the same class.
 */
export class Node {
  readonly #self: { readonly id: NodeId; readonly name: string }
  readonly #limiter: Limiter
  readonly #replica: Replica
  readonly #memory: OriginMemory
  readonly #answering: Answering
  readonly #pending = new InFlight<PendingCheck>()
  readonly #standIns: StandInReason[] = []

  constructor(options: NodeOptions, random: Random, nowMs: number) {
    const { self, rules } = options
    this.#self = self
    this.#limiter = new Limiter(
      rules,
      { node: self.id, incarnation: self.incarnation },
      {
        ...options,
        earlyFlushBurstShare: EARLY_FLUSH_BURST_SHARE,
        aheadMsMax: CLOCK_AHEAD_MS_MAX,
        numbersMax: COUNT_NUMBERS_MAX,
        actorsMax: FRAME_ACTORS_MAX,
        rulesMax: MESSAGE_RULES_MAX,
        levelNumbersMax: LEVEL_NUMBERS_MAX,
        onCredit: (rule, hashHi, hashLo) => this.#memory.forgetRefusal(rule, hashHi, hashLo),
      },
    )
    const decide = (check: ForwardedCheck, atMs: number) => this.#decideForwarded(check, atMs)
    this.#replica = new Replica(self, { state: this.#limiter, decide, random }, options, nowMs)
    this.#memory = new OriginMemory(options.gossipIntervalMs)
    this.#answering = new Answering(self, this.#replica, options.gossipIntervalMs)
  }

  get limiter(): Limiter {
    return this.#limiter
  }

  get replica(): Replica {
    return this.#replica
  }

  /** Other rules from now on; see `Limiter.change`. What waits for an answer gets it by the rules it was asked by. */
  changeRules(rules: readonly Rule[], nowMs: number): void {
    const { membership } = this.#replica
    const owns = (hashHi: number) => membership.placement.owner(hashHi) === this.#self.id
    if (this.#limiter.change(rules, owns, nowMs)) this.#replica.inStep.changed(nowMs)
    this.#memory.forgetAll()
  }

  /** Decides at once if this node owns the key or remembers its refusal; forwards it otherwise. */
  check(request: CheckRequest, nowMs: number): Answer | Pending | Rejection {
    const state = this.#limiter.openRule(request.rule)
    if (state === undefined) return this.#limiter.unknownRule(request.rule)
    const mistake = this.#mistake(state, request)
    return mistake ?? this.#begin('check', state, state.hash(request.key), request.cost, nowMs)
  }

  /** What `check` would reject. Nothing is decided or counted. */
  mistake(request: CheckRequest): Rejection | undefined {
    const state = this.#limiter.openRule(request.rule)
    return state === undefined
      ? this.#limiter.unknownRule(request.rule)
      : this.#mistake(state, request)
  }

  #mistake(state: RuleState, request: CheckRequest): Rejection | undefined {
    return state.mistake(request, state.isLocal ? this.#replica.inStep.deciders : 1)
  }

  /**
   * Does something to a key that its limits do not refuse; the answer says how it then stands. `cost` may be
   * above the burst. If nobody answers in time the next in line does it: should the owner have done it, too, it
   * counts twice.
   */
  adjust(action: Adjustment, request: CheckRequest, nowMs: number): Answer | Pending | Rejection {
    const state = this.#limiter.openRule(request.rule)
    if (state === undefined) return this.#limiter.unknownRule(request.rule)
    const mistake = adjustmentMistake(request)
    if (mistake !== undefined) return mistake
    return this.#begin(action, state, state.hash(request.key), request.cost, nowMs, request.ageMs)
  }

  /** Either, of a key known by its hash. */
  act(action: Action, request: HashedRequest, nowMs: number): Answer | Pending | Rejection {
    const state = this.#limiter.rule(request.rule)
    if (state === undefined) return this.#limiter.unknownRule(request.rule)
    return this.#begin(action, state, request.key, request.cost, nowMs, request.ageMs)
  }

  #begin(
    action: Action,
    state: RuleState,
    key: KeyHash,
    cost: number,
    nowMs: number,
    ageMs?: number,
  ): Answer | Pending {
    const { placement } = this.#replica.membership
    const owner = placement.owner(key.hi) ?? this.#self.id
    // Of two nodes that both gave everything back, one would have given back what was admitted since.
    const isAnybodys =
      action !== 'reset' && state.company(this.#replica.inStep, nowMs) !== undefined
    const isOurs = owner === this.#self.id || isAnybodys
    const decides = isOurs && this.#replica.mayDecide(nowMs)
    if (!decides || placement.members.length === 0) {
      return this.#elsewhere(action, state, key, cost, owner, nowMs, ageMs)
    }
    const decision = this.#act(action, state, key, cost, owner, nowMs, ageMs)
    return this.#answer(action, state, cost, decision, 'owner', owner, nowMs)
  }

  /** Of a key that another node decides, or that this one may not decide yet. */
  #elsewhere(
    action: Action,
    state: RuleState,
    key: KeyHash,
    cost: number,
    owner: NodeId,
    nowMs: number,
    ageMs?: number,
  ): Answer | Pending {
    if (action !== 'check') this.#memory.forgetRefusal(state.rule.name, key.hi, key.lo)
    else {
      const known = this.#memory.recall({ state, key, cost, owner }, nowMs)
      if (known !== undefined) {
        const { decision, decidedBy } = known
        return this.#answer(action, state, cost, decision, decidedBy, owner, nowMs)
      }
    }
    return this.#ask(action, state, key, cost, owner, nowMs, ageMs)
  }

  receive(from: NodeId, message: Message | LinkChange, nowMs: number): void {
    this.#replica.receive(from, message, nowMs)
  }

  /** The only periodic entry: every `TICK_MS`. */
  tick(nowMs: number): void {
    this.#replica.tick(nowMs)
  }

  /** Hands everything to the others and owns nothing from now on; goes on forwarding. */
  leave(nowMs: number): void {
    this.#replica.leave(nowMs)
  }

  /** Decides here whatever still waits for another node's answer. */
  decideAll(nowMs: number): void {
    this.#replica.decideAll(nowMs)
  }

  /** Takes everything that has to leave the core. Called once per event-loop turn. */
  drain(nowMs: number): NodeEffects {
    const effects = this.#replica.drain(nowMs)
    const { outbound, settled } = effects
    if (effects === NO_EFFECTS && this.#standIns.length === 0) return NO_NODE_EFFECTS
    const events = this.#standIns.length === 0 ? effects.events : this.#withStandIns(effects.events)
    const answers = settled.length === 0 ? NO_NODE_EFFECTS.answers : this.#answers(settled, nowMs)
    return { outbound, settled, events, answers }
  }

  #withStandIns(events: readonly ClusterEvent[]): readonly ClusterEvent[] {
    const standIns = this.#standIns
      .splice(0)
      .map((reason) => ({ type: 'stand_in', reason }) as const)
    return [...events, ...standIns]
  }

  /** In the order in which their checks were settled. */
  #answers(settled: readonly Settled[], nowMs: number): NodeEffects['answers'] {
    const answers: { readonly id: number; readonly answer: Answer }[] = []
    for (const { id, decision, by } of settled) {
      const pending = this.#pending.take(id)
      if (pending === undefined) continue
      answers.push({ id, answer: this.#settle(pending, decision, by, nowMs) })
    }
    return answers
  }

  #ask(
    action: Action,
    state: RuleState,
    key: KeyHash,
    cost: number,
    owner: NodeId,
    nowMs: number,
    ageMs?: number,
  ): Answer | Pending {
    const route = this.#replica.route(key.hi, [], nowMs)
    if (route === 'here' || this.#replica.isFull) {
      const inRing = this.#replica.membership.placement.members.length > 0
      this.#standIns.push(inRing ? 'owner_unreachable' : 'not_in_ring')
      const decision = this.#act(action, state, key, cost, owner, nowMs, ageMs)
      const decidedBy = this.#answering.standInName()
      return this.#answer(action, state, cost, decision, decidedBy, owner, nowMs)
    }
    const ref = { rule: state.rule.name, hashHi: key.hi, hashLo: key.lo }
    const isCheck = action === 'check'
    const wanted = isCheck ? this.#memory.wanted({ state, key, cost, owner }, nowMs) : undefined
    const id = this.#replica.forward(route, { key: ref, action, cost, ageMs, wanted }, nowMs)
    this.#pending.add(id, { action, state, key, cost, owner, askedMs: nowMs })
    return { type: 'pending', id }
  }

  /** What a client of this node is allowed is its demand, by which it weighs in the next split. */
  #answer(
    action: Action,
    state: RuleState,
    cost: number,
    decision: Decision,
    decidedBy: DecidedBy,
    owner: NodeId,
    nowMs: number,
  ): Answer {
    const isDemand = action === 'check' && cost > 0 && decision.type === 'allowed'
    if (isDemand && state.rule.partitionWeights === 'demand') this.#replica.weighing.demanded()
    return this.#answering.answer(state, decision, decidedBy, owner, nowMs)
  }

  #act(
    action: Action,
    state: RuleState,
    key: KeyHash,
    cost: number,
    owner: NodeId,
    nowMs: number,
    ageMs?: number,
  ): Decision {
    if (action !== 'check') return state.adjust(action, key, cost, nowMs, ageMs)
    return this.#decide(state, key, cost, owner, nowMs)
  }

  #decide(state: RuleState, key: KeyHash, cost: number, owner: NodeId, nowMs: number): Decision {
    const company = state.company(this.#replica.inStep, nowMs)
    if (company !== undefined) return state.decideByAll(key, cost, company, nowMs)
    const { reaching, membership } = this.#replica
    const isOwner = owner === this.#self.id && membership.self.state !== 'joining'
    if (isOwner && reaching.isWhole(nowMs)) return state.decide(key, cost, nowMs)
    return this.#decideApart(state, key, cost, owner, nowMs)
  }

  /**
   * Decides by as much of the limit as the rule's partition policy leaves this side. A stand-in cannot know
   * whether the owner is dead or decides somewhere else: it counts it as out of reach. A joiner cannot know what
   * others decide.
   */
  #decideApart(
    state: RuleState,
    key: KeyHash,
    cost: number,
    owner: NodeId,
    nowMs: number,
  ): Decision {
    const { onPartition = 'majority', partitionWeights } = state.rule
    const reach = this.#replica.reaching.reachFor(owner, nowMs, partitionWeights)
    const held = standing(onPartition, reach)
    return held.type === 'closed' ? closed() : state.decide(key, cost, nowMs, held)
  }

  #decideForwarded(check: ForwardedCheck, nowMs: number): ForwardedDecision {
    const { id, action } = check
    const state = this.#limiter.rule(check.rule)
    if (state === undefined || (action === 'check' && check.cost > state.costMax)) {
      return undecided(id)
    }
    const key = { hi: check.hashHi, lo: check.hashLo }
    const owner = this.#replica.membership.placement.owner(key.hi) ?? this.#self.id
    const decision = this.#act(action, state, key, check.cost, owner, nowMs, check.ageMs)
    return forwardedDecision(id, decision, this.#lease(check, state, decision, owner, nowMs))
  }

  /**
   * A lease for whoever forwarded a check, if it wants one. Only while all is well: this node reaches everybody, and
   * nobody has come or gone lately who would have to be told of what is leased.
   */
  #lease(
    { hashHi: hi, hashLo: lo, wanted = 0 }: ForwardedCheck,
    state: RuleState,
    { type }: Decision,
    owner: NodeId,
    nowMs: number,
  ): Lease | undefined {
    if (wanted === 0 || type !== 'allowed' || owner !== this.#self.id) return undefined
    const { membership, reaching } = this.#replica
    const { self, ring, placement } = membership
    const isSteady = self.state === 'active' && nowMs - ring.changedMs >= HAND_OFF_MS_MAX
    if (!isSteady || !this.#replica.mayDecide(nowMs) || !reaching.isWhole(nowMs)) return undefined
    const members = placement.members.length
    const wish = { tokens: wanted, forMs: LEASE_MS, tokensMin: LEASE_TOKENS_MIN, members }
    return state.lease({ hi, lo }, wish, nowMs)
  }

  #settle(pending: PendingCheck, settled: ForwardedDecision, by: NodeId, nowMs: number): Answer {
    const { action, state, cost, owner, askedMs } = pending
    const decision = settledDecision(settled, state.rule.limits)
    const decidedBy = this.#answering.nameOfDecider(by, owner)
    if (action === 'check') this.#memory.refused(pending, decision, askedMs, nowMs)
    // By other rules than those it was asked by, or in the name of the owner, nobody leases anything.
    const isGranted = by === owner && state === this.#limiter.rule(state.rule.name)
    if (settled.lease !== undefined && isGranted) {
      this.#memory.granted(pending, settled.lease, decision, askedMs, nowMs)
    }
    return this.#answer(action, state, cost, decision, decidedBy, owner, nowMs)
  }
}
