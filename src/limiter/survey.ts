import type { DigestBlock } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { bucketOf, mix } from '../../crdt/slice-digest.ts'
import type { SlicedCounters } from '../../crdt/sliced-counter.ts'
import type { ActorTable } from './actor-table.ts'
import type { KeyStore } from './key-store.ts'
import { KEY, NO_ROW } from './key-table.ts'

/** The digests to which an entry belongs, by its key and the node that wrote it. */
export type DigestsOf = (hashHi: number, writer: NodeId) => readonly DigestBlock[]

/**
 * Digests of some of the keys, which no running digest covers: reads the rows `[fromRow, endRow)`, and adds each
 * entry to the digests to which it belongs.
 */
export function surveyRows(
  rule: string,
  store: KeyStore,
  actors: ActorTable,
  digestsOf: DigestsOf,
  fromRow: number,
  endRow: number,
): void {
  const { table } = store
  for (let key = fromRow; key < endRow; key++) {
    if (!table.isMarked(key, KEY)) continue
    for (let row = key; row !== NO_ROW; row = table.next(row)) {
      const actor = table.actor(row)
      for (const block of digestsOf(table.hi(row), actors.of(actor).node)) {
        if (block.rule === rule) addRow(store, row, actors.tag(actor), block)
      }
    }
  }
}

/** As `SliceDigest` would have it of this row alone. */
function addRow(
  { table, limits, counters }: KeyStore,
  row: number,
  tag: number,
  { limit, sliceMs, from, to, buckets }: DigestBlock,
): void {
  if (limits[limit]?.sliceMs !== sliceMs) return
  const rings = counters[limit] as SlicedCounters
  const [hi, lo] = [table.hi(row), table.lo(row)]
  const newest = rings.newest(row, to)
  const oldest = Math.max(from, newest - rings.slicing.slices + 1)
  let sum = 0
  for (let slice = Math.min(to, newest); slice >= oldest; slice--) {
    const count = rings.count(row, slice)
    if (count !== 0) sum += Math.imul(mix(hi, lo, tag, slice), count)
  }
  const bucket = bucketOf(hi)
  buckets[bucket] = (buckets[bucket] as number) + sum
}
