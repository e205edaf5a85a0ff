import HashRing from 'hashring'
import type { NodeId } from '../crdt/node-id.ts'
import { MEMBERS_MAX } from './limits.ts'

/**
 * Virtual nodes of a member; hashring makes four points of each. With 1,024 points the share of a member
 * deviates from even by about 1/√1024 = 3 %. Explicit, because the package's own default rounds wrongly at
 * some sizes and then moves too many keys.
 */
export const VNODES = 256

/**
 * The points of each member on the ring, as hashring (ketama) places them. They depend on the member alone
 * and are most of the cost of a placement, so they are remembered from one ring to the next.
 */
export class RingPoints {
  readonly #points = new Map<NodeId, readonly number[]>()

  of(member: NodeId): readonly number[] {
    let points = this.#points.get(member)
    if (points === undefined) {
      if (this.#points.size >= MEMBERS_MAX) this.#points.clear()
      points = pointsOf(member)
      this.#points.set(member, points)
    }
    return points
  }
}

/** hashring keeps its servers in plain objects: the mark before an id keeps `__proto__` an ordinary name. */
function pointsOf(member: NodeId): readonly number[] {
  const marked = `@${member}`
  return new HashRing({ [marked]: { vnodes: VNODES } }).points()[marked] ?? []
}
