import type { NodeId } from '../../crdt/node-id.ts'
import type { Oracle } from '../oracle.ts'
import type { Simulation } from '../simulation.ts'
import { Troubles } from './troubles.ts'

/** Of so many frames that could not be read, one is looked at: a digest costs more than a frame. */
const EVERY = 16

/**
 * Invariant 23: malformed or forged input changes no state. Only nodes that lie send frames that cannot be
 * read (or cannot read others', if they speak another version) or counts that no honest author writes; and a
 * node that dropped a frame is the same in the same instant, unless it says that something else happened to it.
 *
 * Counts are judged by the reader's own rule, so under rules that differ honest ones may look forged. So may those that
 * another node than their author made room for, by giving tokens back, to whoever has not heard of that yet: once two
 * nodes have had to do with refunds, nobody is accused of counts.
 */
export const malformedFrames: Oracle = {
  invariant: 23,
  name: 'malformed frames change nothing',
  watch(watch) {
    const { world, found } = watch
    const troubles = Troubles.of(watch)
    /** Digests of nodes that have just dropped a frame, as long as nothing else has happened to them. */
    const before = new Map<NodeId, string>()
    const refunders = new Set<NodeId>()
    let dropped = 0
    const compare = (node: NodeId) => {
      const digest = before.get(node)
      before.delete(node)
      if (digest === undefined || !world.host(node).alive) return
      if (digest !== digestOf(world, node)) found(`a frame that it could not read changed ${node}`)
    }
    return {
      malformed(node, from) {
        if (!troubles.hasLied(node) && !troubles.hasLied(from)) {
          found(`${node} could not read a frame of ${from}, who does not lie`)
        }
        dropped += 1
        // A slow node decides now and says so later.
        if (troubles.wasSlow(node)) return
        if (before.has(node) || dropped % EVERY !== 0) return
        before.set(node, digestOf(world, node))
        // The turn that the frame began is planned after this; what follows it comes after that.
        world.at(world.nowMs, () => world.at(world.nowMs, () => compare(node)))
      },
      event(node, event) {
        before.delete(node)
        if (event.type !== 'merged' || event.result.violations === 0) return
        if (troubles.rulesDiffer || troubles.hasLied(event.from) || refunders.size > 1) return
        found(
          `${node} refused ${event.result.violations} counts of ${event.from}, who does not lie`,
        )
      },
      adjusted({ node, action }) {
        if (action === 'refund') refunders.add(node)
      },
      answered: ({ node }) => before.delete(node),
      sent: (from) => before.delete(from),
    }
  },
}

/** Equal for equal counts, members and forwards under way. */
function digestOf(world: Simulation, id: NodeId): string {
  const { node, nowMs } = world.host(id)
  const { limiter, replica } = node
  const records = replica.membership.records.map(
    ({ id: member, incarnation, refutation, state }) =>
      `${member} ${incarnation} ${refutation} ${state}`,
  )
  const buckets = limiter
    .digest(Number.MAX_SAFE_INTEGER, nowMs)
    .map((block) => block.buckets.join())
  return [replica.pending, replica.membership.placement.view, ...records, ...buckets].join('\n')
}
