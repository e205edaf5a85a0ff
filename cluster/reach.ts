import type { NodeId } from '../crdt/node-id.ts'
import type { Membership } from './membership.ts'
import { isGone } from './message.ts'
import type { Reach, Weights } from './partition-policy.ts'
import type { Weighing } from './weighing.ts'

/**
 * How much of the cluster this node reaches, for the partition policies. Two views, as there are two speeds
 * of failure detection: membership's, by which an owner weighs its keys; and the request path's, which
 * notices sooner, by which a stand-in does.
 */
export class Reaching {
  readonly #membership: Membership
  readonly #weighing: Weighing
  /** Peers that have not answered lately. */
  readonly #unresponsive: () => readonly NodeId[]

  constructor(membership: Membership, weighing: Weighing, unresponsive: () => readonly NodeId[]) {
    this.#membership = membership
    this.#weighing = weighing
    this.#unresponsive = unresponsive
  }

  /** Whether everybody who may be alive is reached. */
  isWhole(nowMs: number): boolean {
    return this.#membership.outOfReach(nowMs).size === 0
  }

  /** For a decision of this node about a key of `owner`. */
  reachFor(owner: NodeId, nowMs: number, weights: Weights = 'nodes'): Reach {
    const { self } = this.#membership
    if (self.state === 'joining') return this.#asJoiner(weights)
    return owner === self.id ? this.asOwner(nowMs, weights) : this.asStandIn(owner, nowMs, weights)
  }

  /** For a decision about a key this node owns. */
  asOwner(nowMs: number, weights: Weights = 'nodes'): Reach {
    const outOfReach = this.#membership.outOfReach(nowMs)
    const members = this.#membership.mayBeAlive()
    const splitForMs = nowMs - Math.min(nowMs, ...outOfReach.values())
    const reach = { reached: members.size - outOfReach.size, members: members.size, splitForMs }
    if (weights === 'nodes') return reach
    const reached = [...members].filter((id) => !outOfReach.has(id))
    return { ...reach, byDemand: this.#weighing.share(reached, members) }
  }

  /** For a decision before this node is in the ring: all that it knows of may be deciding alone, as it does. */
  #asJoiner(weights: Weights): Reach {
    const present = this.#membership.records.filter(({ state }) => !isGone(state))
    const reach = { reached: 1, members: present.length, splitForMs: 0 }
    if (weights === 'nodes') return reach
    const members = present.map(({ id }) => id)
    return { ...reach, byDemand: this.#weighing.share([this.#membership.self.id], members) }
  }

  /**
   * For a decision about a key that `owner` should decide. It may be dead, or be deciding somewhere else:
   * until it is proven dead it counts as out of reach, and so does whoever else does not answer, has missed
   * a heartbeat, or is known by hearsay alone.
   */
  asStandIn(owner: NodeId, nowMs: number, weights: Weights = 'nodes'): Reach {
    const members = this.#membership.mayBeAlive()
    const outOfReach = this.#membership.outOfReach(nowMs)
    const { self } = this.#membership
    const gone = new Set([...outOfReach.keys(), ...this.#unresponsive(), owner])
    const isHeard = (id: NodeId) => this.#membership.heardAtMs(id) !== undefined
    const isReached = (id: NodeId) =>
      id === self.id || (!gone.has(id) && isHeard(id) && !this.#membership.isSilent(id, nowMs))
    const reached = [...members].filter(isReached)
    const reach = { ...this.asOwner(nowMs), reached: reached.length }
    if (weights === 'nodes') return reach
    return { ...reach, byDemand: this.#weighing.share(reached, members) }
  }
}
