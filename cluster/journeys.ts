import type { KeyRef } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { StandInReason } from './event.ts'
import { type Forwarding, inVain, type TravellingCheck } from './forwarding.ts'
import type { HandOff } from './hand-off.ts'
import { FORWARD_ATTEMPTS_MAX, HAND_OFF_MS_MAX, HOPS_MAX } from './limits.ts'
import type { Membership } from './membership.ts'
import type { Forward, ForwardedCheck, ForwardedDecision, Reply } from './message.ts'
import type { Outbox } from './outbox.ts'
import type { Route, Routing } from './routing.ts'

/** A peer to ask; decide here; or wait until those who decided before have stopped. */
export type Way = Route | 'later'

export interface JourneysDependencies {
  readonly membership: Membership
  readonly routing: Routing
  readonly forwarding: Forwarding
  readonly handOff: HandOff
  readonly outbox: Outbox
  /** Decides a check here and now, and records what it admits. */
  readonly decide: (check: ForwardedCheck, nowMs: number) => ForwardedDecision
}

/**
 * The ways of checks through this node: from a door or a peer to whoever decides them, by another way if
 * that one does not answer, and back. Each is decided in the end, here if nowhere else (invariant 13).
 */
export class Journeys {
  readonly #membership: Membership
  readonly #routing: Routing
  readonly #forwarding: Forwarding
  readonly #handOff: HandOff
  readonly #outbox: Outbox
  readonly #decide: JourneysDependencies['decide']

  constructor(dependencies: JourneysDependencies) {
    this.#membership = dependencies.membership
    this.#routing = dependencies.routing
    this.#forwarding = dependencies.forwarding
    this.#handOff = dependencies.handOff
    this.#outbox = dependencies.outbox
    this.#decide = dependencies.decide
  }

  /**
   * Where to decide a check of this key: here if this node owns it, else the first owner worth asking. A joiner may
   * know an owner before it has a link to it, or to anybody who has: it waits for one, and does not stand in.
   */
  route(hashHi: number, tried: readonly NodeId[], nowMs: number): Way {
    const { placement, self } = this.#membership
    if (!this.#handOff.isOpen) return this.#routing.route(hashHi, tried, nowMs)
    if (placement.owner(hashHi) === self.id) return 'later'
    const way = this.#routing.route(hashHi, tried, nowMs)
    return way === 'here' && self.state === 'joining' ? 'later' : way
  }

  travel(check: TravellingCheck, way: Way, nowMs: number): void {
    if (way === 'here') this.#decideHere(check, nowMs)
    else if (way === 'later' && !this.#handOff.isFull) this.#handOff.hold(check, nowMs)
    else if (way === 'later' || this.#forwarding.isFull) this.#standIn(check, 'backlog', nowMs)
    else this.#forwarding.ask(way, check, nowMs)
  }

  /** A peer asks. */
  asked(from: NodeId, { view, checks }: Forward, nowMs: number): void {
    const { self } = this.#membership
    for (const { id, action, rule, hashHi, hashLo, cost, ageMs, hops, wanted } of checks) {
      const key: KeyRef = { rule, hashHi, hashLo }
      const origin = { type: 'peer', peer: from, id } as const
      const check: TravellingCheck = { key, action, cost, ageMs, hops, wanted, origin, tried: [] }
      const hasMoved = this.#hasMoved(check, from, view, nowMs)
      if (hasMoved) this.#settle(check, moved(id), self.id, nowMs)
      else this.#proceed(check, nowMs)
    }
  }

  /** A peer answers. */
  answered(from: NodeId, { decisions }: Reply, nowMs: number): void {
    for (const decision of decisions) {
      const check = this.#forwarding.answered(from, decision.id, nowMs)
      if (check === undefined) continue
      if (decision.verdict === 'unknown_rule') this.#standIn(check, 'unknown_rule', nowMs)
      else if (decision.verdict === 'moved') this.reroute(inVain(check, from), nowMs)
      else this.#settle(check, decision, from, nowMs)
    }
  }

  /** Nobody answers in time. */
  tick(nowMs: number): void {
    for (const check of this.#forwarding.overdue(nowMs)) this.reroute(check, nowMs)
    this.release(nowMs)
  }

  /**
   * A check came back undecided: ask the next candidate, or decide. Whoever asked is waiting for this answer:
   * to ask it would be a circle (invariant 12), but if it owns the key by now it is to decide itself.
   */
  reroute(check: TravellingCheck, nowMs: number): void {
    const { placement, self } = this.#membership
    const { key, origin, tried } = check
    const asker = askerOf(check)
    const owner = placement.owner(key.hashHi)
    if (owner !== undefined && asker.includes(owner)) {
      this.#settle(check, moved(origin.id), self.id, nowMs)
      return
    }
    const isLast = tried.length >= FORWARD_ATTEMPTS_MAX
    const way = isLast ? 'here' : this.route(key.hashHi, [...asker, ...tried], nowMs)
    if (way === 'here') this.#end(check, 'owner_unreachable', nowMs)
    else this.travel(check, way, nowMs)
  }

  /** What waited for a hand-over goes on, if it need wait no longer. */
  release(nowMs: number): void {
    for (const check of this.#handOff.release(nowMs)) this.#proceed(check, nowMs)
  }

  /** Decides here whatever still waits. */
  decideAll(nowMs: number): void {
    for (const check of this.#forwarding.abandoned()) this.#decideHere(check, nowMs)
    for (const check of this.#handOff.abandoned()) this.#decideHere(check, nowMs)
  }

  /** A check has come here, or waited here: on to where it is to be decided. */
  #proceed(check: TravellingCheck, nowMs: number): void {
    const { key, hops } = check
    if (hops >= HOPS_MAX) this.#end(check, 'hop_limit', nowMs)
    else this.travel(check, this.route(key.hashHi, askerOf(check), nowMs), nowMs)
  }

  /**
   * Whether the asker is to decide this itself, or to ask somebody else: it asked before it took over the
   * key, or before it heard of a change of the ring that this node knows of. Otherwise a third node, which
   * knows less, would decide beside the owner.
   */
  #hasMoved({ key, hops }: TravellingCheck, asker: NodeId, view: number, nowMs: number): boolean {
    const { placement, self, ring } = this.#membership
    const owner = placement.owner(key.hashHi)
    if (hops < HOPS_MAX) return owner === asker
    const isInFlux = view !== placement.view && nowMs - ring.changedMs < HAND_OFF_MS_MAX
    return owner !== self.id && (isInFlux || self.state === 'left')
  }

  /** It is not forwarded again: it is decided here, whoever owns its key. */
  #end(check: TravellingCheck, reason: StandInReason, nowMs: number): void {
    const { placement, self } = this.#membership
    const isOwner = placement.owner(check.key.hashHi) === self.id
    if (isOwner) this.travel(check, this.#handOff.isOpen ? 'later' : 'here', nowMs)
    else this.#standIn(check, reason, nowMs)
  }

  #standIn(check: TravellingCheck, reason: StandInReason, nowMs: number): void {
    this.#outbox.event({ type: 'stand_in', reason })
    this.#decideHere(check, nowMs)
  }

  #decideHere(check: TravellingCheck, nowMs: number): void {
    const { key, action, cost, ageMs, hops, origin } = check
    const { rule, hashHi, hashLo } = key
    // What is decided for this node's own clients needs no lease.
    const wanted = origin.type === 'peer' ? check.wanted : undefined
    const decision = this.#decide(
      { rule, hashHi, hashLo, action, cost, ageMs, hops, wanted, id: origin.id },
      nowMs,
    )
    this.#settle(check, decision, this.#membership.self.id, nowMs)
  }

  #settle(check: TravellingCheck, decision: ForwardedDecision, by: NodeId, nowMs: number): void {
    const { origin, key } = check
    if (origin.type === 'door') this.#outbox.settle({ id: origin.id, decision, by })
    else this.#forwarding.answer(origin.peer, key, withId(origin.id, decision), nowMs)
  }
}

/** What this node has decided itself has the id already. */
function withId(id: number, decision: ForwardedDecision): ForwardedDecision {
  return decision.id === id ? decision : { ...decision, id }
}

function moved(id: number): ForwardedDecision {
  const verdict = 'moved'
  return { id, verdict, limit: 0, remaining: 0, retryAfterMs: 0, resetMs: 0, delayMs: 0 }
}

/** The peer that forwarded a check here, if any. */
function askerOf({ origin }: TravellingCheck): readonly NodeId[] {
  return origin.type === 'peer' ? [origin.peer] : []
}
