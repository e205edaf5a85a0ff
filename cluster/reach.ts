import type { NodeId } from '../crdt/node-id.ts'
import type { Membership } from './membership.ts'
import { isGone } from './message.ts'
import type { Reach } from './partition-policy.ts'

/**
 * How much of the cluster this node reaches, for the partition policies. Two views, as there are two speeds
 * of failure detection: membership's, by which an owner weighs its keys; and the request path's, which
 * notices sooner, by which a stand-in does.
 */
export class Reaching {
  readonly #membership: Membership
  /** Peers that have not answered lately. */
  readonly #unresponsive: () => readonly NodeId[]

  constructor(membership: Membership, unresponsive: () => readonly NodeId[]) {
    this.#membership = membership
    this.#unresponsive = unresponsive
  }

  /** Whether everybody who may be alive is reached. */
  isWhole(nowMs: number): boolean {
    return this.#membership.outOfReach(nowMs).size === 0
  }

  /** For a decision of this node about a key of `owner`. */
  reachFor(owner: NodeId, nowMs: number): Reach {
    const { self } = this.#membership
    if (self.state === 'joining') return this.#asJoiner()
    return owner === self.id ? this.asOwner(nowMs) : this.asStandIn(owner, nowMs)
  }

  /** For a decision about a key this node owns. */
  asOwner(nowMs: number): Reach {
    const outOfReach = this.#membership.outOfReach(nowMs)
    const members = this.#membership.mayBeAlive().size
    const sinceMs = Math.min(nowMs, ...outOfReach.values())
    return { reached: members - outOfReach.size, members, splitForMs: nowMs - sinceMs }
  }

  /** For a decision before this node is in the ring: all that it knows of may be deciding alone, as it does. */
  #asJoiner(): Reach {
    const members = this.#membership.records.filter(({ state }) => !isGone(state)).length
    return { reached: 1, members, splitForMs: 0 }
  }

  /**
   * For a decision about a key that `owner` should decide. It may be dead, or be deciding somewhere else:
   * until it is proven dead it counts as out of reach, and so does whoever else does not answer, has missed
   * a heartbeat, or is known by hearsay alone.
   */
  asStandIn(owner: NodeId, nowMs: number): Reach {
    const mayBeAlive = this.#membership.mayBeAlive()
    const outOfReach = this.#membership.outOfReach(nowMs)
    const gone = new Set([...outOfReach.keys(), ...this.#unresponsive(), owner])
    const isHeard = (id: NodeId) => this.#membership.heardAtMs(id) !== undefined
    const isReached = (id: NodeId) =>
      !gone.has(id) && isHeard(id) && !this.#membership.isSilent(id, nowMs)
    const reached = [...mayBeAlive].filter(isReached).length
    return { ...this.asOwner(nowMs), reached: Math.max(1, reached) }
  }
}
