import { GOSSIP_INTERVAL_MS, GOSSIP_JITTER, SUSPECT_MISSED_TICKS } from '../../cluster/limits.ts'
import type { Weights } from '../../cluster/partition-policy.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { Troubles } from './troubles.ts'

const WEIGHTS: readonly Weights[] = ['nodes', 'demand']
/** What sums of thirds may be off by. */
const ROUNDING = 1e-9

/**
 * Invariant 14: the weights of the sides of a split sum to at most 1, once all sides have noticed. A side is
 * whoever can hear each other in any way; its weight is the largest that any of its members would give
 * itself, `reached / members` as an owner (a stand-in's is never more). By demand as by nodes.
 *
 * Noticing takes as long as suspecting: `SUSPECT_MISSED_TICKS` gossip intervals from the last frame, which
 * may have left a jittered interval before; a node that was held up begins to count only then. A side that
 * somebody joined while it was cut off counts a larger whole than the other, and rightly so by all it can
 * know; so a split is judged only while nobody has started since the world was last whole.
 */
export const weights: Oracle = {
  invariant: 14,
  name: 'weights sum to 1',
  watch(watch) {
    const { world, experiment, found } = watch
    const troubles = Troubles.of(watch)
    const intervalMs = experiment.gossipIntervalMs ?? GOSSIP_INTERVAL_MS
    const noticedMs = (SUSPECT_MISSED_TICKS + 1) * intervalMs * (1 + GOSSIP_JITTER) + intervalMs
    let whole = true
    let joined = false
    return {
      started: () => {
        joined = true
      },
      look() {
        const sides = troubles.sides()
        if (sides.length < 2) {
          if (world.nowMs - troubles.lastMs > noticedMs) joined = false
          whole = true
          return
        }
        if (joined || world.nowMs - troubles.struckMs <= noticedMs) return
        const sums = WEIGHTS.map((by) => {
          return [by, sides.reduce((sum, side) => sum + weightOf(watch, side, by), 0)] as const
        })
        const above = sums.find(([, sum]) => sum > 1 + ROUNDING)
        if (above !== undefined && whole) {
          const [by, sum] = above
          const names = sides.map((side) => side.join('+')).join(' | ')
          found(`the sides ${names} have ${sum.toFixed(3)} by ${by}`)
        }
        whole = above === undefined
      },
    }
  },
}

function weightOf({ world }: Watch, side: readonly NodeId[], by: Weights): number {
  return side.reduce((most, id) => {
    const host = world.host(id)
    const { reaching, membership } = host.node.replica
    // A joiner decides nothing that anybody forwards to it, and nothing of its own that it could forward.
    if (membership.self.state !== 'active') return most
    const reach = reaching.asOwner(host.nowMs, by)
    const { reached, members } = reach.byDemand ?? reach
    return Math.max(most, reached / members)
  }, 0)
}
