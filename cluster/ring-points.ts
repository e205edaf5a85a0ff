import HashRing from 'hashring'
import type { NodeId } from '../crdt/node-id.ts'
import { MEMBERS_MAX } from './limits.ts'

/**
 * Virtual nodes of a member; hashring makes four points of each. With 1,024 points the share of a member
 * deviates from even by about 1/√1024 = 3 %. Explicit, because the package's own default rounds wrongly at
 * some sizes and then moves too many keys.
 */
export const VNODES = 256

/** Of members seen lately: a member's points depend on it alone, and are most of the cost of a ring. */
const remembered = new Map<NodeId, Uint32Array>()

/** The points of a member on the ring, as hashring (ketama) places them. */
export function ringPointsOf(member: NodeId): Uint32Array {
  let points = remembered.get(member)
  if (points === undefined) {
    if (remembered.size >= MEMBERS_MAX) remembered.clear()
    points = pointsOf(member)
    remembered.set(member, points)
  }
  return points
}

/** hashring keeps its servers in plain objects: the mark before an id keeps `__proto__` an ordinary name. */
function pointsOf(member: NodeId): Uint32Array {
  const marked = `@${member}`
  return Uint32Array.from(new HashRing({ [marked]: { vnodes: VNODES } }).points()[marked] ?? [])
}
