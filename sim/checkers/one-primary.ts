import type { Placement } from '../../cluster/placement.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Oracle } from '../oracle.ts'

/** Places on the ring at which owners are compared: a prime number of them, evenly spread. */
const PLACES = 61
const RING = 2 ** 32

/**
 * Invariant 11: at most one owner for a key and a view. All placements that any node ever stands by under
 * one view must name the same owner everywhere; each new one is compared once.
 */
export const onePrimary: Oracle = {
  invariant: 11,
  name: 'one owner for a key and a view',
  watch({ world, found }) {
    const compared = new WeakSet<Placement>()
    const views = new Map<number, { readonly node: NodeId; readonly owners: readonly string[] }>()
    return {
      look() {
        for (const node of world.live) {
          const { placement } = world.host(node).node.replica.membership
          if (compared.has(placement)) continue
          compared.add(placement)
          const owners = ownersOf(placement)
          const other = views.get(placement.view)
          if (other === undefined) views.set(placement.view, { node, owners })
          const at = owners.findIndex((owner, place) => owner !== (other?.owners ?? owners)[place])
          if (at < 0 || other === undefined) continue
          found(
            `under view ${placement.view}, ${node} says ${owners[at]} owns place ${at}, ${other.node} said ${other.owners[at]}`,
          )
        }
      },
    }
  },
}

function ownersOf(placement: Placement): string[] {
  return Array.from({ length: PLACES }, (_, at) => {
    return placement.owner(Math.floor((at * RING) / PLACES)) ?? 'nobody'
  })
}
