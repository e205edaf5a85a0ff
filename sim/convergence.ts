import type { DigestBlock } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { oldestLive, type SlicedCounters, sliceAt } from '../crdt/sliced-counter.ts'
import type { KeyStore } from '../src/limiter/key-store.ts'
import { KEY, NO_ROW } from '../src/limiter/key-table.ts'
import type { Node } from '../src/node.ts'
import type { Simulation } from './simulation.ts'

/**
 * Whether all live nodes hold equal counts in all live slices; where keys are held by a few, whether those do, and
 * whoever wrote counts. Every node is asked about the same instant, that of the clock that is furthest ahead: its
 * node may have let go of what the others still hold.
 */
export function hasConverged(world: Simulation): boolean {
  const hosts = world.live.map((id) => [id, world.host(id)] as const)
  const nowMs = Math.floor(Math.max(world.nowMs, ...hosts.map(([, host]) => host.nowMs)))
  const nodes = new Map(hosts.map(([id, { node }]) => [id, node]))
  const all = [...nodes.values()]
  if (all.some(({ replica }) => replica.copies.isScoped)) return areHeldAlike(nodes, nowMs)
  const [first, ...others] = all.map(({ limiter }) =>
    limiter.digest(Number.MAX_SAFE_INTEGER, nowMs),
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

/** What nodes hold of one actor's counts of one key. */
interface Entry {
  readonly hashHi: number
  readonly writer: NodeId
  /** By node: the counts of its live slices, as a text. */
  readonly held: Map<NodeId, string>
}

function areHeldAlike(nodes: ReadonlyMap<NodeId, Node>, nowMs: number): boolean {
  const entries = new Map<string, Entry>()
  for (const [id, node] of nodes) gather(id, node, nowMs, entries)
  const [judge] = nodes.values()
  for (const { hashHi, writer, held } of entries.values()) {
    const concerned = judge?.replica.copies.holders(hashHi).filter((id) => nodes.has(id)) ?? []
    const [first, ...others] = held.has(writer) ? [...concerned, writer] : concerned
    const counts = first === undefined ? undefined : held.get(first)
    if (others.some((id) => held.get(id) !== counts)) return false
  }
  return true
}

function gather(id: NodeId, { limiter }: Node, nowMs: number, into: Map<string, Entry>): void {
  for (const { rule, store } of limiter.rules) {
    const { table } = store
    for (let key = 0; key < table.rowsSeen; key++) {
      if (!table.isMarked(key, KEY)) continue
      for (let row = key; row !== NO_ROW; row = table.next(row)) {
        const counts = liveCounts(store, row, nowMs)
        if (counts === '') continue
        const hashHi = table.hi(row)
        const { node, incarnation, credit } = limiter.actors.of(table.actor(row))
        const name = `${rule.name} ${hashHi} ${table.lo(row)} ${node} ${incarnation} ${credit}`
        const entry = into.get(name) ?? { hashHi, writer: node, held: new Map() }
        entry.held.set(id, counts)
        into.set(name, entry)
      }
    }
  }
}

function liveCounts({ limits, counters }: KeyStore, row: number, nowMs: number): string {
  return limits
    .flatMap((limit, index) => {
      const rings = counters[index] as SlicedCounters
      const current = sliceAt(limit, nowMs)
      const live = Array.from({ length: limit.slices }, (_, age) => {
        const slice = oldestLive(limit, current) + 1 + age
        const count = rings.count(row, slice)
        return count === 0 ? [] : [`${index}/${slice}:${count}`]
      })
      return live.flat()
    })
    .join(' ')
}
