import type { DigestBlock } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { BUCKETS } from '../crdt/slice-digest.ts'
import type { Copies } from './copies.ts'
import { REPAIR_ROWS_PER_TICK, REPAIRS_MAX } from './limits.ts'
import type { RepairCursor, ReplicatedState } from './replicated-state.ts'

/** What this node compares with a peer: because it wants to, or because it was asked. */
export interface Comparison {
  readonly peer: NodeId
  readonly asked: { readonly round: number; readonly blocks: readonly DigestBlock[] } | undefined
  /** This node's side of it. */
  readonly own: readonly DigestBlock[]
}

interface Wish extends Pick<Comparison, 'peer' | 'asked'> {
  /** Slices that ended before this are compared. */
  readonly untilMs: number
}

interface Pass {
  comparisons: readonly Comparison[]
  /** All digests for one peer. */
  readonly digests: ReadonlyMap<NodeId, readonly DigestBlock[]>
  cursor: RepairCursor
}

/**
 * Digests for pairs of nodes, where keys are held by a few: of each entry that concerns both, which is one whose
 * key they hold, or that one of them wrote and whose key the other holds. (Who stands in for others writes counts of
 * keys that it does not hold.)
 *
 * No running digest is of such a part of the table, so it is read: a few rows at each tick, in one pass for all who
 * wait.
 */
export class Survey {
  readonly #self: NodeId
  readonly #state: ReplicatedState
  readonly #copies: Copies
  #waiting: Wish[] = []
  #pass: Pass | undefined

  constructor(self: NodeId, state: ReplicatedState, copies: Copies) {
    this.#self = self
    this.#state = state
    this.#copies = copies
  }

  /** Compares with the peer what it asks to compare. */
  answer(peer: NodeId, asked: Comparison['asked']): void {
    this.#wait({ peer, asked, untilMs: 0 })
  }

  ask(peer: NodeId, untilMs: number): void {
    const isSame = (wish: Wish) => wish.peer === peer && wish.asked === undefined
    const earlier = this.#waiting.find(isSame)
    if (earlier !== undefined) this.#waiting = this.#waiting.filter((wish) => wish !== earlier)
    this.#wait({ peer, asked: undefined, untilMs: Math.max(untilMs, earlier?.untilMs ?? 0) })
  }

  /** Whether this node is about to ask the peer something. */
  isAsking(peer: NodeId): boolean {
    const isIt = (wish: Wish | Comparison) => wish.peer === peer && wish.asked === undefined
    return this.#waiting.some(isIt) || this.#pass?.comparisons.some(isIt) === true
  }

  forget(peer: NodeId): void {
    const isOfOthers = (one: Wish | Comparison) => one.peer !== peer
    this.#waiting = this.#waiting.filter(isOfOthers)
    if (this.#pass !== undefined) {
      this.#pass.comparisons = this.#pass.comparisons.filter(isOfOthers)
    }
  }

  /** Takes the pass in hand a step further; returns what is ready. */
  tick(nowMs: number): readonly Comparison[] {
    if (this.#pass === undefined && this.#waiting.length === 0) return NONE
    this.#pass ??= this.#begin(nowMs)
    const { comparisons, cursor } = this.#pass
    const digestsOf = this.#digestsOf(this.#pass)
    const isHeld = this.#copies.mayGiveUp(nowMs)
      ? (hashHi: number) => this.#copies.holders(hashHi).includes(this.#self)
      : undefined
    const next = this.#state.survey(digestsOf, cursor, REPAIR_ROWS_PER_TICK, nowMs, isHeld)
    if (next === undefined) {
      this.#pass = undefined
      return comparisons
    }
    this.#pass.cursor = next
    return NONE
  }

  #wait(wish: Wish): void {
    if (this.#waiting.length < REPAIRS_MAX) this.#waiting.push(wish)
  }

  #begin(nowMs: number): Pass {
    const digests = new Map<NodeId, DigestBlock[]>()
    const comparisons = this.#waiting.map(({ peer, asked, untilMs }) => {
      const own = (asked?.blocks ?? this.#state.digest(untilMs, nowMs)).map(emptied)
      digests.set(peer, [...(digests.get(peer) ?? []), ...own])
      return { peer, asked, own }
    })
    this.#waiting = []
    return { comparisons, digests, cursor: { rule: 0, row: 0 } }
  }

  #digestsOf({ digests }: Pass): (hashHi: number, writer: NodeId) => readonly DigestBlock[] {
    let lastHi = -1
    let holders: readonly NodeId[] = []
    return (hashHi, writer) => {
      // Entries of one key come one after the other.
      if (hashHi !== lastHi) holders = this.#copies.holders(hashHi)
      lastHi = hashHi
      if (writer !== this.#self && !holders.includes(this.#self)) return NOTHING
      const wanted: DigestBlock[] = []
      for (const peer of holders.includes(writer) ? holders : [...holders, writer]) {
        if (peer !== this.#self) wanted.push(...(digests.get(peer) ?? NOTHING))
      }
      return wanted
    }
  }
}

function emptied(block: DigestBlock): DigestBlock {
  return { ...block, buckets: new Uint32Array(BUCKETS) }
}

const NONE: readonly Comparison[] = []
const NOTHING: readonly DigestBlock[] = []
