import type { NodeId } from '../crdt/node-id.ts'
import { COPIES, SCOPED_ABOVE, UNSCOPED_AT } from './limits.ts'
import type { Membership } from './membership.ts'
import { Placement } from './placement.ts'

/** How many nodes hold each key: all, always so many, or as many as suits the number of members. */
export type CopiesWanted = 'auto' | 'all' | number

/** A peer, on its stream; or everybody, by a broadcast. */
export type Audience = NodeId | 'all'

/**
 * Who holds a key: its owner and the next nodes on the ring. In a small cluster that is everybody; in a large one
 * it is a few, and replication is scoped, so that what a node sends does not grow with the number of the others.
 *
 * Every node decides by its own ring. Two that differ do no harm: who tells everybody tells those few, too,
 * copies that somebody else would not keep are merged like any other, and comparing says what it compares.
 */
export class Copies {
  /** Nodes that hold a key while replication is scoped. */
  readonly count: number
  readonly #wanted: CopiesWanted
  readonly #membership: Membership
  readonly #settleMs: number
  #isScoped = false
  /** The view by which holders were last compared; while everybody holds everything, any. */
  #comparedView = 0
  #owesAll = false
  #ring = { view: 0, joining: NOBODY, placement: new Placement([]) }

  /** A ring that has not changed for `settleMs` is the same everywhere, most likely. */
  constructor(membership: Membership, wanted: CopiesWanted, settleMs: number) {
    this.count = typeof wanted === 'number' ? wanted : COPIES
    this.#wanted = wanted
    this.#membership = membership
    this.#settleMs = settleMs
  }

  /** Whether keys are held by a few nodes only, as far as this one is concerned. */
  get isScoped(): boolean {
    return this.#isScoped
  }

  /**
   * Decides anew, and says whether keys may have got holders that lack their counts, once for each time: the ring
   * has changed, or everybody is a holder again. To be asked at every tick.
   */
  takeMoved(nowMs: number): boolean {
    const { view, ring } = this.#membership
    const was = this.#isScoped
    this.#isScoped = isScoped(this.#wanted, ring.size, was)
    if (was && !this.#isScoped) this.#owesAll = true
    if (!this.#isScoped && !this.#owesAll) this.#comparedView = view
    if (view === this.#comparedView || nowMs - ring.changedMs < this.#settleMs) return false
    this.#comparedView = view
    this.#owesAll = false
    return true
  }

  /**
   * Owner, first successor, second ... Whoever joins is listed where it will be, and takes nobody's place before it
   * has joined: it misses nothing meanwhile, and nothing is lost if it never comes.
   */
  holders(hashHi: number): readonly NodeId[] {
    const { placement, joining } = this.#tomorrow()
    return placement.preference(hashHi, this.count, joining)
  }

  /**
   * Who is to be told what this node admits of a key: its holders. Whoever stands in for them tells all: who knows
   * which of the others stand in, too, and who decides next.
   */
  audience(hashHi: number): readonly Audience[] {
    const holders = this.holders(hashHi)
    return holders.includes(this.#membership.self.id) ? holders : [...holders, 'all']
  }

  /** Whether the peer is about to be a holder of some keys, and replication is scoped. */
  isJoining(peer: NodeId): boolean {
    return this.#isScoped && this.#membership.joiningPeers().includes(peer)
  }

  /**
   * Whether this node is to give up deciding keys that it does not hold. Not while it may have to stand in for nodes
   * beyond a split: what it admits then weighs more than it counts.
   */
  mayGiveUp(nowMs: number): boolean {
    return this.#isScoped && this.#membership.outOfReach(nowMs).size === 0
  }

  /** Whether an entry concerns the node: it holds the key, or wrote the entry. */
  concerns(node: NodeId, hashHi: number, writer: NodeId): boolean {
    return writer === node || this.holders(hashHi).includes(node)
  }

  /** The ring when all have joined that are about to. */
  #tomorrow() {
    const { view, self, placement } = this.#membership
    const others = this.#membership.joiningPeers()
    const joining = self.state === 'joining' ? [...others, self.id] : others
    const known = this.#ring
    if (known.view === view && isSame(known.joining, joining)) return known
    const members =
      joining.length === 0 ? placement : new Placement([...placement.members, ...joining])
    this.#ring = { view, joining, placement: members }
    return this.#ring
  }
}

/** Up at one size and down at another, so that a cluster about that size does not change its ways all the time. */
export function isScoped(wanted: CopiesWanted, members: number, was: boolean): boolean {
  if (wanted === 'all') return false
  if (typeof wanted === 'number') return members > wanted
  return was ? members > UNSCOPED_AT : members > SCOPED_ABOVE
}

function isSame(some: readonly NodeId[], others: readonly NodeId[]): boolean {
  return some.length === others.length && some.every((id, at) => id === others[at])
}

const NOBODY: readonly NodeId[] = []
