import { type Counts, type MergeResult, NO_COUNTS } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { AntiEntropy } from './anti-entropy.ts'
import type { Copies } from './copies.ts'
import {
  DELTA_KEYS_PER_TICK,
  EARLY_FLUSH_MS,
  STEP_GOOD_MS,
  STEP_GRACE_MS,
  STEP_MS,
  STEP_PAUSE_MS_MAX,
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
  /** Something that it said could not be kept, or may have been lost: from then on all is to be compared. */
  compareAtMs: number | undefined
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
  /** In a split nobody but those who were in step before it has a share: others do not reckon with this node. */
  #wasTogether = false
  /** Not before this it would be bound again: the last time it was so in vain, and then it decides alone for the pause. */
  #againMs = Number.NEGATIVE_INFINITY
  #pauseMs = 0
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
    if (!this.#wasTogether) return { type: 'waits', members }
    return { type: nowMs >= this.#boundMs + STEP_GOOD_MS ? 'alone' : 'waits', members }
  }

  /** Members that decide the same keys. */
  get deciders(): number {
    const { membership, copies } = this.#dependencies
    return copies.isScoped ? 1 : membership.mayBeAlive().size
  }

  linked(peer: NodeId): void {
    this.#nextMs = Number.NEGATIVE_INFINITY
    this.#peers.set(peer, {
      heard: 0,
      isSettled: false,
      compareAtMs: undefined,
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

  /** The counts of the step, if there were any, have been merged. */
  heard(from: NodeId, step: Step, result: MergeResult | undefined, nowMs: number): void {
    const peer = this.#peers.get(from)
    if (peer === undefined) return
    const isNext = peer.heard === 0 || step.number <= peer.heard + 1
    if (!isNext) lacks(peer, nowMs)
    this.repaired(from, result, nowMs)
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

  /** Counts that the peer told have been merged. What was refused is not held until it has been told again, and kept. */
  repaired(from: NodeId, result: MergeResult | undefined, nowMs: number): void {
    const peer = this.#peers.get(from)
    if (peer === undefined) return
    if (result !== undefined && result.future + result.violations > 0) {
      lacks(peer, Math.max(nowMs + STEP_GOOD_MS, result.futureMs ?? 0))
    }
    this.#settle(from, peer)
  }

  /** Rules are new here that others may decide already: what they said of them so far was not held. */
  changed(nowMs: number): void {
    for (const peer of this.#peers.values()) lacks(peer, nowMs)
    this.#reckon()
  }

  #settle(id: NodeId, peer: Peer): void {
    if (peer.isSettled || peer.compareAtMs !== undefined) return
    peer.isSettled = this.#dependencies.antiEntropy.isSettled(id)
    peer.isOwed ||= peer.isSettled
  }

  /** Only what is asked after something was lacking can bring it, so what was asked before is waited for. */
  #compare(nowMs: number): void {
    const { antiEntropy } = this.#dependencies
    for (const [id, peer] of this.#peers) {
      const { compareAtMs } = peer
      if (compareAtMs !== undefined && nowMs >= compareAtMs && antiEntropy.isSettled(id)) {
        peer.compareAtMs = undefined
        antiEntropy.linked(id, nowMs)
      }
      this.#settle(id, peer)
    }
  }

  tick(nowMs: number): void {
    const { state, copies } = this.#dependencies
    if (!state.shared.exists || this.#isScoped(copies.isScoped, nowMs)) return
    this.#compare(nowMs)
    this.#reckon()
    this.#isReady = this.#isBound || (nowMs >= this.#againMs && this.#areAllHeld(nowMs))
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
      for (const peer of this.#peers.values()) lacks(peer, nowMs)
    }
    return isScoped
  }

  /** Who of the members holds how much, and until when all of them can be counted on. */
  #reckon(): void {
    const { state } = this.#dependencies
    let untilMs = Number.POSITIVE_INFINITY
    let least = this.#number
    for (const peer of this.#others()) {
      const isGood = peer?.stance === 'bound' && peer.isSettled
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
      if (isTogether) this.#pauseMs = 0
      if (isTogether && isActive) this.#wasTogether = true
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
    if (isBound) {
      this.#pauseMs = Math.min(Math.max(STEP_GOOD_MS, 2 * this.#pauseMs), STEP_PAUSE_MS_MAX)
    } else if (this.#pauseMs > 0) this.#againMs = nowMs + STEP_GOOD_MS + this.#pauseMs
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

/** From `atMs` on all is to be compared: not everything that the peer has said is held. */
function lacks(peer: Peer, atMs: number): void {
  peer.isSettled = false
  peer.compareAtMs = Math.max(atMs, peer.compareAtMs ?? atMs)
}
