import { GOSSIP_INTERVAL_MS, GOSSIP_JITTER, SUSPECT_MISSED_TICKS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { Troubles } from './troubles.ts'

/** What sums of thirds may be off by. */
const ROUNDING = 1e-9

/**
 * Invariant 14: the weights of the sides of a split sum to at most 1, once all sides have noticed. A side is
 * whoever can hear each other in any way; its weight is the largest that any of its members would give
 * itself, `reached / members` as an owner (a stand-in's is never more).
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
        const sum = sides.reduce((total, side) => total + weightOf(watch, side), 0)
        if (sum > 1 + ROUNDING && whole) {
          found(
            `the sides ${sides.map((side) => side.join('+')).join(' | ')} have ${sum.toFixed(3)}`,
          )
        }
        whole = sum <= 1 + ROUNDING
      },
    }
  },
}

function weightOf({ world }: Watch, side: readonly NodeId[]): number {
  return side.reduce((most, id) => {
    const host = world.host(id)
    const { reaching, membership } = host.node.replica
    // A joiner decides nothing that anybody forwards to it, and nothing of its own that it could forward.
    if (membership.self.state !== 'active') return most
    const { reached, members } = reaching.asOwner(host.nowMs)
    return Math.max(most, reached / members)
  }, 0)
}
