import type { KeyRef } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { Breaker } from './breaker.ts'
import { InFlight } from './in-flight.ts'
import { Latency } from './latency.ts'
import { FORWARDS_PENDING_MAX, FRAME_CHECKS_MAX, HOPS_MAX, MESSAGE_RULES_MAX } from './limits.ts'
import type { Action, ForwardedCheck, ForwardedDecision } from './message.ts'
import type { Outbox } from './outbox.ts'
import type { ReplicatedState } from './replicated-state.ts'

/** Where a check came from: a door of this node, or a peer that forwarded it here. */
export type Origin =
  | { readonly type: 'door'; readonly id: number }
  | { readonly type: 'peer'; readonly peer: NodeId; readonly id: number }

/** A check on its way through this node. */
export interface TravellingCheck {
  readonly key: KeyRef
  readonly action: Action
  readonly cost: number
  /** See `ForwardedCheck`. */
  readonly ageMs?: number | undefined
  /** See `ForwardedCheck`; asked of the owner alone, by the node of the door. */
  readonly wanted?: number | undefined
  /** Times it has been forwarded, this node's forward not counted. */
  readonly hops: number
  readonly origin: Origin
  /** Nodes already asked in vain. */
  readonly tried: readonly NodeId[]
}

/** The same check after this node was asked in vain. */
export function inVain(check: TravellingCheck, target: NodeId): TravellingCheck {
  return { ...check, tried: [...check.tried, target] }
}

interface Waiting {
  readonly check: TravellingCheck
  readonly target: NodeId
  readonly sentMs: number
  deadlineMs: number
}

/** What is known about asking one peer. */
interface Line {
  readonly breaker: Breaker
  readonly latency: Latency
}

/** Checks and answers of this event-loop turn for one peer, sent together when the node is drained. */
interface Batch {
  checks: ForwardedCheck[]
  /** The rules of these checks, and their keys. */
  rules: string[]
  keys: KeyRef[]
  decisions: ForwardedDecision[]
  /** The keys of these decisions. */
  decided: KeyRef[]
}

/**
 * Checks that other nodes decide. All checks of one event-loop turn for one peer travel in one frame, with
 * what this node knows of their keys, and so do all answers.
 *
 * A check waits for its answer until its deadline, or until the peer's link is lost; then it is handed back
 * to be asked elsewhere. Every attempt has an id of its own, so an answer that comes too late belongs to
 * nobody and changes nothing but the counts it carries (invariant 25).
 */
export class Forwarding {
  readonly #state: ReplicatedState
  readonly #outbox: Outbox
  readonly #timeoutMsMax: number
  readonly #lines = new Map<NodeId, Line>()
  #collected = new Map<NodeId, Batch>()
  readonly #waiting = new InFlight<Waiting>()
  /** The view that frames are stamped with. */
  view = 0
  #nextId = 0
  #soonestMs = Number.POSITIVE_INFINITY

  constructor(state: ReplicatedState, outbox: Outbox, timeoutMsMax: number) {
    this.#state = state
    this.#outbox = outbox
    this.#timeoutMsMax = timeoutMsMax
  }

  /** Checks that wait for a peer's answer now. */
  get pending(): number {
    return this.#waiting.size
  }

  get isFull(): boolean {
    return this.#waiting.size >= FORWARDS_PENDING_MAX
  }

  /** Whether it is worth asking this peer now. Asking for it may use up a probe, so ask before sending. */
  isWorthAsking(peer: NodeId, nowMs: number): boolean {
    const breaker = this.#lines.get(peer)?.breaker
    if (breaker === undefined) return true
    if (breaker.lapse(nowMs)) this.#outbox.event({ type: 'breaker', peer, open: false })
    return breaker.allows(nowMs)
  }

  /** Peers that are skipped at present because they did not answer. */
  unresponsive(): NodeId[] {
    return [...this.#lines].flatMap(([peer, { breaker }]) => (breaker.isOpen ? [peer] : []))
  }

  ask(target: NodeId, check: TravellingCheck, nowMs: number): void {
    const id = ++this.#nextId
    const deadlineMs = nowMs + this.#line(target).latency.timeoutMs(this.#timeoutMsMax)
    this.#waiting.add(id, { check, target, sentMs: nowMs, deadlineMs })
    this.#soonestMs = Math.min(this.#soonestMs, deadlineMs)
    // Whoever stands in for a node that was asked in vain decides itself, and does not ask again.
    const hops = check.tried.length > 0 ? HOPS_MAX : check.hops + 1
    const { key, action, cost, ageMs } = check
    const { rule, hashHi, hashLo } = key
    const batch = this.#batch(target)
    const { checks, rules, keys } = batch
    const wanted = hops === 1 ? check.wanted : undefined
    checks.push({ rule, hashHi, hashLo, id, action, cost, ageMs, hops, wanted })
    if (!rules.includes(rule)) rules.push(rule)
    keys.push(key)
    const isFull = checks.length >= FRAME_CHECKS_MAX || rules.length >= MESSAGE_RULES_MAX
    if (isFull) this.#flushChecks(target, batch, nowMs)
  }

  answer(peer: NodeId, key: KeyRef, decision: ForwardedDecision, nowMs: number): void {
    const batch = this.#batch(peer)
    batch.decisions.push(decision)
    batch.decided.push(key)
    if (batch.decisions.length >= FRAME_CHECKS_MAX) this.#flushAnswers(peer, batch, nowMs)
  }

  /** An answer arrived: the check it belongs to, or undefined when nobody waits for it any more. */
  answered(from: NodeId, id: number, nowMs: number): TravellingCheck | undefined {
    const waiting = this.#waiting.get(id)
    const { breaker, latency } = this.#line(from)
    if (breaker.answered()) this.#outbox.event({ type: 'breaker', peer: from, open: false })
    if (waiting?.target !== from) {
      this.#outbox.event({ type: 'forwarded', peer: from, result: 'late', tookMs: 0 })
      return undefined
    }
    this.#waiting.take(id)
    const tookMs = nowMs - waiting.sentMs
    latency.answered(tookMs)
    this.#outbox.event({ type: 'forwarded', peer: from, result: 'answered', tookMs })
    return waiting.check
  }

  /** Checks whose deadline has passed, to be asked elsewhere. */
  overdue(nowMs: number): TravellingCheck[] {
    if (nowMs < this.#soonestMs) return []
    this.#soonestMs = Number.POSITIVE_INFINITY
    return this.#giveUp(({ target, sentMs, deadlineMs }) => {
      if (deadlineMs > nowMs) {
        this.#soonestMs = Math.min(this.#soonestMs, deadlineMs)
        return false
      }
      const tookMs = nowMs - sentMs
      this.#outbox.event({ type: 'forwarded', peer: target, result: 'timeout', tookMs })
      if (this.#line(target).breaker.missed(nowMs)) {
        this.#outbox.event({ type: 'breaker', peer: target, open: true })
      }
      return true
    })
  }

  /** The link to a peer is lost: everything asked of it has to be asked elsewhere. */
  unlinked(peer: NodeId, nowMs: number): TravellingCheck[] {
    this.#collected.delete(peer)
    if (this.#line(peer).breaker.unlinked(nowMs))
      this.#outbox.event({ type: 'breaker', peer, open: true })
    return this.#giveUp(({ target, sentMs }) => {
      if (target !== peer) return false
      this.#outbox.event({ type: 'forwarded', peer, result: 'unlinked', tookMs: nowMs - sentMs })
      return true
    })
  }

  /** Nobody will answer any more: everything asked comes back. */
  abandoned(): TravellingCheck[] {
    return this.#giveUp(() => true)
  }

  linked(peer: NodeId): void {
    if (this.#lines.get(peer)?.breaker.answered()) {
      this.#outbox.event({ type: 'breaker', peer, open: false })
    }
  }

  forget(peer: NodeId): void {
    this.#lines.delete(peer)
    this.#collected.delete(peer)
  }

  /** This node itself was stalled for so long: nobody asked before was late because of it. */
  forgive(stallMs: number, nowMs: number): void {
    for (const [, waiting] of this.#waiting) {
      if (waiting.sentMs <= nowMs - stallMs) waiting.deadlineMs += stallMs
    }
  }

  /** Sends everything collected during this turn. */
  flush(nowMs: number): void {
    if (this.#collected.size === 0) return
    for (const [peer, batch] of this.#collected) {
      if (batch.checks.length > 0) this.#flushChecks(peer, batch, nowMs)
      if (batch.decisions.length > 0) this.#flushAnswers(peer, batch, nowMs)
    }
    // Not emptied, which would make one table point to the next: see `InFlight`.
    this.#collected = new Map()
  }

  #flushChecks(peer: NodeId, batch: Batch, nowMs: number): void {
    const { checks, keys } = batch
    const counts = this.#state.countsOf(distinct(keys), { type: 'all', except: peer }, nowMs)
    this.#outbox.send(peer, { type: 'forward', sentMs: nowMs, view: this.view, checks, counts })
    batch.checks = []
    batch.rules = []
    batch.keys = []
  }

  #flushAnswers(peer: NodeId, batch: Batch, nowMs: number): void {
    const { decisions, decided } = batch
    const counts = this.#state.countsOf(distinct(decided), { type: 'self' }, nowMs)
    this.#outbox.send(peer, { type: 'reply', view: this.view, decisions, counts })
    batch.decisions = []
    batch.decided = []
  }

  #giveUp(isLost: (waiting: Waiting) => boolean): TravellingCheck[] {
    const lost: TravellingCheck[] = []
    for (const [id, waiting] of this.#waiting) {
      if (!isLost(waiting)) continue
      this.#waiting.take(id)
      lost.push(inVain(waiting.check, waiting.target))
    }
    return lost
  }

  #batch(peer: NodeId): Batch {
    let batch = this.#collected.get(peer)
    if (batch === undefined) {
      batch = { checks: [], rules: [], keys: [], decisions: [], decided: [] }
      this.#collected.set(peer, batch)
    }
    return batch
  }

  #line(peer: NodeId): Line {
    let line = this.#lines.get(peer)
    if (line === undefined) {
      line = { breaker: new Breaker(), latency: new Latency() }
      this.#lines.set(peer, line)
    }
    return line
  }
}

/**
 * Each key once, so that a hundred checks of a hot key carry its counts once. Told apart by as many bits of the hash as
 * a number holds: of two keys that agree in all 53, or of two rules', one goes without its counts this time.
 */
function distinct(keys: readonly KeyRef[]): readonly KeyRef[] {
  if (keys.length === 1) return keys
  const seen = new Map<number, KeyRef>()
  for (const key of keys) seen.set(key.hashHi * 2 ** 21 + (key.hashLo >>> 11), key)
  return [...seen.values()]
}
