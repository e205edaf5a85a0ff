import type { Counts, DigestBlock, KeyRef, MergeResult, WantedBuckets } from '../crdt/counts.ts'
import type { LevelsBlock } from '../crdt/levels.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { Audience } from './copies.ts'

/**
 * The port to the state that the cluster replicates without knowing what it means. The limiter is one
 * implementation. Times are the node's clock in milliseconds since 1970; all methods are synchronous, and
 * each does a bounded amount of work.
 */
export interface ReplicatedState {
  /** Something important has not been sent yet: publish before the tick. */
  readonly flushWanted: boolean
  /** Keys whose own counts have changed since they were last taken. */
  readonly unsentKeys: number
  /**
   * Own counts of the oldest of these keys, at most `keysMax`, from the slice of `sinceMs` on, in messages
   * that each fit a frame.
   */
  takeDelta(sinceMs: number, nowMs: number, keysMax?: number): Counts[]
  /** The same, for everybody of those of these keys alone of which it is to be told; this node itself needs none. */
  takeDeltaFor(
    audience: (hashHi: number) => readonly Audience[],
    sinceMs: number,
    nowMs: number,
    keysMax?: number,
  ): ReadonlyMap<Audience, readonly Counts[]>
  /** What all nodes decide, each for itself, and tell each other in steps. */
  readonly shared: SharedState
  /** Counts of these keys in the current and the previous slice. */
  countsOf(keys: readonly KeyRef[], by: CountsBy, nowMs: number): Counts
  /** What the next decider of the keys that `isMoved` may lack; nothing is taken by it. */
  handOver(isMoved: (hashHi: number) => boolean, nowMs: number): HandedOver
  /** From now on this node decides the keys that `isOurs`, after the node whose levels these are. */
  takeOver(levels: readonly LevelsBlock[], isOurs: (hashHi: number) => boolean, nowMs: number): void
  /**
   * Merges what was heard. With an `author`, entries of any other node's actors are violations; without,
   * the message may relay anybody's entries but this node's own.
   */
  merge(counts: Counts, author: NodeId | undefined, nowMs: number): MergeResult
  /** Digests of all live slices that ended before `untilMs`. */
  digest(untilMs: number, nowMs: number): DigestBlock[]
  /**
   * Adds what this node holds to the digests to which it belongs, by its key and the node that wrote it: from
   * `cursor` on, looking at `rowsMax` rows at most. Undefined when everything has been looked at. With `isHeld`, all
   * other keys are given up: nobody tells this node any more what others admit of them, so should it have to decide
   * them again, then by the counts alone.
   */
  survey(
    digestsOf: (hashHi: number, writer: NodeId) => readonly DigestBlock[],
    cursor: RepairCursor,
    rowsMax: number,
    nowMs: number,
    isHeld?: (hashHi: number) => boolean,
  ): RepairCursor | undefined
  /** In which buckets this node's digests, or those it has surveyed, differ from another's blocks. */
  differing(blocks: readonly DigestBlock[], surveyed?: readonly DigestBlock[]): WantedBuckets[]
  /** Everything live in the wanted buckets that `isTheirs`, from `cursor` on, looking at `rowsMax` rows at most. */
  repair(
    wanted: readonly WantedBuckets[],
    cursor: RepairCursor,
    rowsMax: number,
    nowMs: number,
    isTheirs?: (hashHi: number, writer: NodeId) => boolean,
  ): RepairStep
  /** Lets go of what can no longer matter, looking at `rowsMax` rows at most. */
  sweep(rowsMax: number, nowMs: number): void
}

/** The part of the state that all nodes change at the same time; see `in-step.ts`. */
export interface SharedState {
  /** Whether there is any. */
  readonly exists: boolean
  /** Keys whose own counts have changed since they were last taken, and whether one of them cannot wait. */
  readonly untoldKeys: number
  readonly isUrgent: boolean
  /** Own counts of these keys, of `keysMax` at most, which are step `number` from now on. */
  takeStep(number: number, nowMs: number, keysMax: number): Counts[]
  /** Everybody holds all up to this step. */
  acknowledged(number: number): void
  /** Whether of no key more is unacknowledged than one of so many members may admit. */
  isWithinQuota(members: number): boolean
}

/** Own counts of the keys in use, and their exact levels, in messages that each fit a frame. */
export interface HandedOver {
  readonly counts: readonly Counts[]
  readonly levels: readonly (readonly LevelsBlock[])[]
}

/** By this node itself, or by everybody but the peer that is being told. */
export type CountsBy = { readonly type: 'self' } | { readonly type: 'all'; readonly except: NodeId }

/** Where a scan goes on: an index into the rules it is about, and a row. */
export interface RepairCursor {
  readonly rule: number
  readonly row: number
}

export interface RepairStep {
  /** Messages that each fit a frame. */
  readonly counts: readonly Counts[]
  /** Undefined when everything has been looked at. */
  readonly next: RepairCursor | undefined
}
