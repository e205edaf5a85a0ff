import { type Counts, NO_COUNTS } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { AntiEntropy } from './anti-entropy.ts'
import type { Copies } from './copies.ts'
import {
  DELTA_KEYS_PER_TICK,
  EARLY_FLUSH_MS,
  STEP_GOOD_MS,
  STEP_GRACE_MS,
  STEP_MS,
  STEPS_KEPT,
} from './limits.ts'
import type { Membership } from './membership.ts'
import type { Stance, Step } from './message.ts'
import type { Outbox } from './outbox.ts'
import type { ReplicatedState } from './replicated-state.ts'

/** How this node may decide what all nodes decide. */
export type Company =
  /** It knows of each other member's admissions all but a quota, and they of its own. */
  | { readonly type: 'together'; readonly members: number }
  /** Nobody counts on it: it has its own share, and no other. */
  | { readonly type: 'alone'; readonly members: number }
  /** Neither, for now. */
  | { readonly type: 'waits'; readonly members: number }

interface Peer {
  /** Its last step on this link; 0: none yet. */
  heard: number
  /** Whether all that it said before that is held, too. */
  isSettled: boolean
  /** This node's step up to which it holds everything, and when that was sent. */
  acknowledged: number
  sentMs: number
  stance: Stance
  /** It is to be told what is held of its steps. */
  isOwed: boolean
}

export interface InStepDependencies {
  readonly membership: Membership
  readonly state: ReplicatedState
  readonly antiEntropy: AntiEntropy
  readonly copies: Copies
  readonly outbox: Outbox
}

/**
 * Local mode: every node decides by its own counts, and none is far ahead of what the others know.
 *
 * A node tells its counts to every peer in numbered steps on the streams, and each says up to which step it holds
 * everything. What a step said on the way arrived before the acknowledgement in the same frame, so whoever is acknowledged by a peer
 * knows what that one had admitted by then. A node is either
 *
 * - **bound**: it admits at most its quota q of a key before all members hold it. It says so beside each acknowledgement,
 *   which is good for `STEP_GOOD_MS` from the sending of what it acknowledges. With a good one of every member it is *together*
 *   with them, and decides; without, it waits, and soon is not bound any more. Or it is
 * - **alone**: it acknowledges nothing that anybody could count on. When the last that it did cannot be good any more it goes on by
 *   its own share, 1/N of each limit.
 *
 * So as long as anybody decides alone, nobody decides together: the last acknowledgement of that one is no longer good
 * anywhere. Members are counted as in any split: whoever may be alive. All become bound again when all hear all.
 */
export class InStep {
  readonly #dependencies: InStepDependencies
  /** Those who are linked. */
  readonly #peers = new Map<NodeId, Peer>()
  #number = 0
  /** When each of the last steps was sent, by its number. */
  readonly #sentMs = new Map<number, number>()
  #lastMs = 0
  #nextMs = 0
  /** All up to this step is held by everybody, or is too long ago to say who holds it. */
  #settled = 0
  #isBound = true
  /** Out of step until then, it stops being bound. */
  #patientUntilMs: number
  /** When it was last said that this node is bound. */
  #boundMs = Number.NEGATIVE_INFINITY
  #togetherUntilMs = Number.NEGATIVE_INFINITY
  #isReady = false
  #members = 0
  #wasScoped = false

  constructor(dependencies: InStepDependencies, nowMs: number) {
    this.#dependencies = dependencies
    this.#patientUntilMs = nowMs + STEP_GOOD_MS
  }

  /** Undefined where this node does not decide for itself: it is not in the ring, or keys are held by a few nodes. */
  company(nowMs: number): Company | undefined {
    const { membership, copies } = this.#dependencies
    if (membership.self.state !== 'active' || copies.isScoped) return undefined
    const members = membership.mayBeAlive().size
    if (members === 1) return { type: 'together', members }
    if (this.#isBound) {
      return { type: nowMs < this.#togetherUntilMs ? 'together' : 'waits', members }
    }
    return { type: nowMs >= this.#boundMs + STEP_GOOD_MS ? 'alone' : 'waits', members }
  }

  /** Members that decide the same keys. */
  get deciders(): number {
    const { membership, copies } = this.#dependencies
    return copies.isScoped ? 1 : membership.mayBeAlive().size
  }

  linked(peer: NodeId): void {
    this.#peers.set(peer, {
      heard: 0,
      isSettled: false,
      acknowledged: 0,
      sentMs: Number.NEGATIVE_INFINITY,
      stance: 'alone',
      isOwed: false,
    })
  }

  unlinked(peer: NodeId): void {
    this.#peers.delete(peer)
    this.#reckon()
  }

  /** The counts of the step have been merged; `isKept` unless some could not be. */
  heard(from: NodeId, step: Step, isKept: boolean, nowMs: number): void {
    const peer = this.#peers.get(from)
    if (peer === undefined) return
    const { antiEntropy } = this.#dependencies
    const isNext = peer.heard === 0 || step.number <= peer.heard + 1
    if (!isKept || !isNext) {
      peer.isSettled = false
      if (antiEntropy.isSettled(from)) antiEntropy.linked(from, nowMs)
    } else if (!peer.isSettled) peer.isSettled = antiEntropy.isSettled(from)
    peer.heard = step.number
    peer.stance = step.stance
    peer.isOwed ||= step.counts.blocks.length > 0
    const sentMs = this.#sentMs.get(step.held)
    if (sentMs !== undefined && step.held >= peer.acknowledged) {
      peer.acknowledged = step.held
      peer.sentMs = sentMs
    }
    this.#reckon()
  }

  tick(nowMs: number): void {
    const { state, copies } = this.#dependencies
    if (!state.shared.exists || this.#isScoped(copies.isScoped, nowMs)) return
    this.#reckon()
    this.#isReady = this.#isBound || this.#areAllHeld(nowMs)
    this.#judge(nowMs)
    const { untoldKeys, isUrgent } = state.shared
    const isWorth = untoldKeys > 0 && (isUrgent || nowMs - this.#lastMs >= EARLY_FLUSH_MS)
    if (isWorth || nowMs >= this.#nextMs || nowMs < this.#lastMs) this.#step(nowMs)
    for (const [id, peer] of this.#peers) if (peer.isOwed) this.#tell(id, peer, [], nowMs)
  }

  /** Tells a peer all that it has not been told: it is about to decide. */
  flush(nowMs: number): void {
    const { state, copies } = this.#dependencies
    if (state.shared.exists && !copies.isScoped) this.#step(nowMs)
  }

  /** What was told while a few held each key is held by everybody only when all has been compared. */
  #isScoped(isScoped: boolean, nowMs: number): boolean {
    const isOver = this.#wasScoped && !isScoped
    this.#wasScoped = isScoped
    if (isOver) {
      for (const [id, peer] of this.#peers) {
        peer.isSettled = false
        this.#dependencies.antiEntropy.linked(id, nowMs)
      }
    }
    return isScoped
  }

  /** Who of the members holds how much, and until when all of them can be counted on. */
  #reckon(): void {
    const { state } = this.#dependencies
    let untilMs = Number.POSITIVE_INFINITY
    let least = this.#number
    for (const peer of this.#others()) {
      const isGood = peer?.stance === 'bound'
      untilMs = Math.min(untilMs, isGood ? peer.sentMs + STEP_GOOD_MS : Number.NEGATIVE_INFINITY)
      least = Math.min(least, peer?.acknowledged ?? 0)
    }
    this.#togetherUntilMs = untilMs
    if (least <= this.#settled) return
    this.#settled = least
    state.shared.acknowledged(least)
  }

  #judge(nowMs: number): void {
    const { membership } = this.#dependencies
    const members = membership.mayBeAlive().size
    if (members !== this.#members) this.#nextMs = nowMs
    this.#members = members
    if (this.#isBound) {
      const isTogether = nowMs < this.#togetherUntilMs
      const isActive = membership.self.state === 'active'
      if (isTogether || !isActive) this.#patientUntilMs = nowMs + STEP_GRACE_MS
      else if (nowMs >= this.#patientUntilMs) this.#become(false, nowMs)
    } else if (this.#isReady) {
      const areReady = this.#others().every((peer) => peer !== undefined && peer.stance !== 'alone')
      if (areReady) this.#become(true, nowMs)
    }
  }

  #become(isBound: boolean, nowMs: number): void {
    this.#isBound = isBound
    this.#isReady = isBound
    this.#patientUntilMs = nowMs + STEP_GOOD_MS
    this.#nextMs = nowMs
  }

  /** Whether everybody holds all but a quota of what this node has admitted, as it does of theirs. */
  #areAllHeld(nowMs: number): boolean {
    const others = this.#others()
    return (
      others.every((peer) => {
        if (peer === undefined || !peer.isSettled) return false
        return peer.acknowledged >= this.#settled && nowMs < peer.sentMs + STEP_GOOD_MS
      }) && this.#dependencies.state.shared.isWithinQuota(others.length + 1)
    )
  }

  /** Of each other member what is known of it. */
  #others(): (Peer | undefined)[] {
    const { membership } = this.#dependencies
    const others: (Peer | undefined)[] = []
    for (const id of membership.mayBeAlive()) {
      if (id !== membership.self.id) others.push(this.#peers.get(id))
    }
    return others
  }

  #step(nowMs: number): void {
    const { shared } = this.#dependencies.state
    this.#number += 1
    this.#lastMs = nowMs
    this.#nextMs = nowMs + STEP_MS
    this.#sentMs.set(this.#number, nowMs)
    const counts = shared.takeStep(this.#number, nowMs, DELTA_KEYS_PER_TICK)
    const past = this.#number - STEPS_KEPT
    this.#sentMs.delete(past)
    if (past > this.#settled) {
      this.#settled = past
      shared.acknowledged(past)
    }
    for (const [id, peer] of this.#peers) this.#tell(id, peer, counts, nowMs)
  }

  /** All that is in several frames is complete with the last of them. */
  #tell(to: NodeId, peer: Peer, counts: readonly Counts[], nowMs: number): void {
    const { membership, outbox } = this.#dependencies
    const isMember = membership.mayBeAlive().has(to) && peer.acknowledged >= this.#settled
    const isBound = this.#isBound && isMember
    const stance = isBound ? 'bound' : this.#isReady ? 'ready' : 'alone'
    if (isBound) this.#boundMs = nowMs
    peer.isOwed = false
    const held = peer.isSettled ? peer.heard : 0
    const last = Math.max(1, counts.length) - 1
    for (let part = 0; part <= last; part++) {
      const number = part < last ? this.#number - 1 : this.#number
      const step = {
        type: 'step',
        number,
        held,
        stance,
        counts: counts[part] ?? NO_COUNTS,
      } as const
      outbox.send(to, step)
    }
  }
}
