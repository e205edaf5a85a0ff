import { ANTI_ENTROPY_MS, CLOCK_AHEAD_MS_MAX, GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { hasConverged } from '../convergence.ts'
import { LOOK_MS } from '../observer.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { Troubles } from './troubles.ts'

/** Two gossip intervals and one round of anti-entropy, from when everything is mended. */
const RECOVERY_MS = 2 * GOSSIP_INTERVAL_MS + ANTI_ENTROPY_MS

/**
 * Invariant 4: after everything is mended and nobody asks any more, all replicas of a key become equal, in
 * two gossip intervals and one round of anti-entropy.
 *
 * Not where it cannot be: with a table too small for all keys, with other rules on some nodes, with clocks
 * more than a second apart, of which nodes refuse each other's counts, and with somebody who claimed more of
 * its own counts than it had, which it does not believe itself.
 */
export const converged: Oracle = {
  invariant: 4,
  name: 'replicas converge',
  watch(watch) {
    const { world, found } = watch
    const troubles = Troubles.of(watch)
    const dueMs = troubles.mendedMs + RECOVERY_MS
    return {
      look() {
        if (world.nowMs < dueMs || world.nowMs >= dueMs + LOOK_MS) return
        if (troubles.rulesDiffer || troubles.hasInflated || !canAgree(watch)) return
        if (!hasConverged(world)) found(`replicas still differ ${RECOVERY_MS} ms after mending`)
      },
    }
  },
}

function canAgree({ world }: Watch): boolean {
  const hosts = world.live.map((id) => world.host(id))
  const clocks = hosts.map((host) => host.nowMs)
  const stores = hosts.flatMap((host) => [...host.node.limiter.rules].map(({ store }) => store))
  return (
    Math.max(...clocks) - Math.min(...clocks) < CLOCK_AHEAD_MS_MAX &&
    stores.every(({ table }) => table.rowsSeen < table.rowsMax)
  )
}
