import {
  type DigestBlock,
  type MergeResult,
  NO_COUNTS,
  type WantedBuckets,
} from '../crdt/counts.ts'
import { compareNodeIds, type NodeId } from '../crdt/node-id.ts'
import type { Copies } from './copies.ts'
import {
  ANTI_ENTROPY_MS,
  FRAME_DIGESTS_MAX,
  REPAIR_ROWS_PER_TICK,
  REPAIRS_MAX,
  SEALED_MS,
} from './limits.ts'
import type { Digest, Repair } from './message.ts'
import type { Outbox } from './outbox.ts'
import type { Random } from './random.ts'
import type { RepairCursor, ReplicatedState } from './replicated-state.ts'
import { type Comparison, Survey } from './survey.ts'

/** A repair that is being sent, a bounded number of rows at each tick. */
interface RepairJob {
  readonly to: NodeId
  readonly round: number
  readonly wanted: readonly WantedBuckets[]
  cursor: RepairCursor
  /** What this node wants in return; said once, in the first frame. */
  want: readonly WantedBuckets[]
  /** Which entries are sent; without, all in the wanted buckets. */
  readonly isTheirs: IsTheirs | undefined
}

type IsTheirs = (hashHi: number, writer: NodeId) => boolean

export interface AntiEntropyDependencies {
  readonly state: ReplicatedState
  readonly copies: Copies
  readonly random: Random
  readonly outbox: Outbox
}

/**
 * Repairs whatever gossip lost (Demers et al. 1987): two replicas compare digests and exchange the
 * buckets in which they differ.
 *
 *     A → B  digest            what I hold
 *     B → A  repair ... last   what I hold in the buckets that differ, and: send me yours
 *     A → B  repair ... last   mine
 *
 * Every `ANTI_ENTROPY_MS` with one peer after the other over sealed slices, which no longer change; and over
 * everything whenever a link opens, which is also how a joining node learns its state. Where keys are held by a few,
 * two nodes compare what concerns both, and everybody with everybody once the ring has changed: so whoever has
 * become a key's holder learns its counts.
 */
export class AntiEntropy {
  readonly #state: ReplicatedState
  readonly #random: Random
  readonly #outbox: Outbox
  readonly #copies: Copies
  readonly #survey: Survey
  readonly #jobs: RepairJob[] = []
  /** Digests sent to each peer and not yet answered in full. */
  readonly #rounds = new Map<NodeId, readonly number[]>()
  #round = 0
  /** With whom the last round was held. */
  #partner: NodeId | undefined
  #progressMs = 0
  #nextMs: number

  constructor(
    self: NodeId,
    { state, copies, random, outbox }: AntiEntropyDependencies,
    nowMs: number,
  ) {
    this.#state = state
    this.#copies = copies
    this.#survey = new Survey(self, state, copies)
    this.#random = random
    this.#outbox = outbox
    this.#nextMs = nowMs + random.below(ANTI_ENTROPY_MS)
  }

  /** When the last piece of a repair arrived; 0 if none has. */
  get progressMs(): number {
    return this.#progressMs
  }

  /** Whether everything asked of this peer has been answered. */
  isSettled(peer: NodeId): boolean {
    return !this.#rounds.has(peer) && !this.#survey.isAsking(peer)
  }

  /** Compares everything with a peer whose link has just opened. */
  linked(peer: NodeId, nowMs: number): void {
    this.#compare(peer, Number.POSITIVE_INFINITY, nowMs)
  }

  unlinked(peer: NodeId): void {
    this.#rounds.delete(peer)
    this.#survey.forget(peer)
    if (this.#jobs.length === 0) return
    const kept = this.#jobs.filter((job) => job.to !== peer)
    this.#jobs.splice(0, this.#jobs.length, ...kept)
  }

  digest(from: NodeId, { round, blocks, isOfBoth }: Digest): void {
    if (isOfBoth) this.#survey.answer(from, { round, blocks })
    // A joiner that knows no ring yet asks for everything, and is told of what it will hold.
    else this.#differ(from, round, this.#state.differing(blocks), this.#copies.isJoining(from))
  }

  /** Returns what became of the counts in it. */
  repair(from: NodeId, repair: Repair, nowMs: number): MergeResult {
    this.#progressMs = nowMs
    const result = this.#state.merge(repair.counts, undefined, nowMs)
    const { raised } = result
    if (raised > 0) this.#outbox.event({ type: 'repaired', peer: from, counts: raised })
    const { round, last } = repair
    if (last) this.#answered(from, round)
    if (repair.want.length > 0) {
      this.#begin(from, UNASKED, repair.want, [], this.#copies.isScoped)
    }
    return result
  }

  tick(replicas: () => readonly NodeId[], nowMs: number): void {
    this.#work(nowMs)
    for (const comparison of this.#survey.tick(nowMs)) this.#surveyed(comparison)
    if (this.#copies.takeMoved(nowMs)) for (const peer of replicas()) this.linked(peer, nowMs)
    if (nowMs < this.#nextMs) return
    this.#nextMs = nowMs + ANTI_ENTROPY_MS
    const peer = this.#next(replicas())
    if (peer !== undefined) this.#compare(peer, nowMs - SEALED_MS, nowMs)
  }

  /** Each in its turn, in order of id, beginning anywhere: of N nodes nobody is left out for more than N - 1 rounds. */
  #next(peers: readonly NodeId[]): NodeId | undefined {
    const last = this.#partner
    this.#partner =
      last === undefined
        ? peers[this.#random.below(Math.max(1, peers.length))]
        : (peers.find((peer) => compareNodeIds(peer, last) > 0) ?? peers[0])
    return this.#partner
  }

  #surveyed({ peer, asked, own }: Comparison): void {
    if (asked === undefined) this.#ask(peer, own, true)
    else this.#differ(peer, asked.round, this.#state.differing(asked.blocks, own), true)
  }

  /** Answers a digest. Most often nothing differs, and saying so needs no work that could wait for its turn. */
  #differ(to: NodeId, round: number, differing: readonly WantedBuckets[], isOfBoth: boolean): void {
    if (differing.length === 0) this.#finish(to, round, [])
    else this.#begin(to, round, differing, differing, isOfBoth)
  }

  #begin(
    to: NodeId,
    round: number,
    wanted: readonly WantedBuckets[],
    want: readonly WantedBuckets[],
    isOfBoth: boolean,
  ): void {
    if (this.#jobs.length >= REPAIRS_MAX) return
    const concerns: IsTheirs = (hashHi, writer) => this.#copies.concerns(to, hashHi, writer)
    const isTheirs = isOfBoth ? concerns : undefined
    this.#jobs.push({ to, round, wanted, cursor: { rule: 0, row: 0 }, want, isTheirs })
  }

  #compare(peer: NodeId, untilMs: number, nowMs: number): void {
    if (this.#copies.isScoped) this.#survey.ask(peer, untilMs)
    else this.#ask(peer, this.#state.digest(untilMs, nowMs), false)
  }

  #ask(peer: NodeId, blocks: readonly DigestBlock[], isOfBoth: boolean): void {
    for (let at = 0; at < blocks.length; at += FRAME_DIGESTS_MAX) {
      this.#round += 1
      this.#rounds.set(peer, [...(this.#rounds.get(peer) ?? []), this.#round])
      const part = blocks.slice(at, at + FRAME_DIGESTS_MAX)
      this.#outbox.send(peer, { type: 'digest', round: this.#round, blocks: part, isOfBoth })
    }
  }

  /** Takes one repair in hand a step further, each in its turn, so that a long one does not keep others waiting. */
  #work(nowMs: number): void {
    const job = this.#jobs.shift()
    if (job === undefined) return
    const { to, round, wanted, cursor, isTheirs } = job
    const step = this.#state.repair(wanted, cursor, REPAIR_ROWS_PER_TICK, nowMs, isTheirs)
    for (const counts of step.counts) {
      this.#outbox.send(to, { type: 'repair', round, counts, want: job.want, last: false })
      job.want = []
    }
    if (step.next === undefined) this.#finish(to, round, job.want)
    else {
      job.cursor = step.next
      this.#jobs.push(job)
    }
  }

  #finish(to: NodeId, round: number, want: readonly WantedBuckets[]): void {
    this.#outbox.send(to, { type: 'repair', round, counts: NO_COUNTS, want, last: true })
  }

  #answered(from: NodeId, round: number): void {
    const open = this.#rounds.get(from)?.filter((asked) => asked !== round) ?? []
    if (open.length === 0) this.#rounds.delete(from)
    else this.#rounds.set(from, open)
  }
}

/** The round of a repair that answers a wish, not a digest. */
const UNASKED = 0
