import type { DigestBlock } from '../crdt/counts.ts'
import type { Simulation } from './simulation.ts'

/**
 * Whether all live nodes hold equal counts in all live slices. Every node is asked about the same instant,
 * whatever its own clock says.
 */
export function hasConverged(world: Simulation): boolean {
  const nowMs = Math.floor(world.nowMs)
  const [first, ...others] = world.live.map((id) =>
    world.host(id).node.limiter.digest(Number.MAX_SAFE_INTEGER, nowMs),
  )
  return others.every((blocks) => first !== undefined && areEqual(first, blocks))
}

function areEqual(ours: readonly DigestBlock[], theirs: readonly DigestBlock[]): boolean {
  return (
    ours.length === theirs.length &&
    ours.every((block, index) => {
      const other = theirs[index] as DigestBlock
      return (
        block.rule === other.rule && block.buckets.every((word, at) => word === other.buckets[at])
      )
    })
  )
}
