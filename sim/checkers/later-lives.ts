import type { NodeId } from '../../crdt/node-id.ts'
import type { Oracle } from '../oracle.ts'
import { actorOf } from './truth.ts'

/**
 * Invariant 22: a restart lowers nothing. No two lives of a node share an incarnation, and a later one's is
 * greater, so that what the earlier one admitted stays its own. Not promised to a node that starts with its
 * clock set back to before its last start.
 */
export const laterLives: Oracle = {
  invariant: 22,
  name: 'later lives are greater',
  watch({ world, found }) {
    const last = new Map<NodeId, { readonly incarnation: number; readonly startedMs: number }>()
    const begin = (node: NodeId) => {
      const { incarnation } = actorOf(world, node)
      const startedMs = world.host(node).nowMs
      const before = last.get(node)
      last.set(node, { incarnation, startedMs })
      if (before === undefined || startedMs <= before.startedMs) return
      if (incarnation > before.incarnation) return
      found(`${node} began life ${incarnation} after life ${before.incarnation}`)
    }
    for (const id of world.live) begin(id)
    return { started: begin }
  },
}
