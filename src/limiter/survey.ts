import type { DigestBlock } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { bucketOf, mix } from '../../crdt/slice-digest.ts'
import type { SlicedCounters } from '../../crdt/sliced-counter.ts'
import type { ActorTable } from './actor-table.ts'
import type { KeyStore } from './key-store.ts'
import { ACTING, KEY, NO_ROW } from './key-table.ts'

/** The digests to which an entry belongs, by its key and the node that wrote it. */
export type DigestsOf = (hashHi: number, writer: NodeId) => readonly DigestBlock[]

/** Rows `[fromRow, endRow)` of a rule. */
export interface Rows {
  readonly rule: string
  readonly store: KeyStore
  readonly actors: ActorTable
  readonly fromRow: number
  readonly endRow: number
}

/**
 * Digests of some of the keys, which no running digest covers: adds each entry to those to which it belongs. The keys
 * that are not held, if that is asked, are given up.
 */
export function surveyRows(
  { rule, store, actors, fromRow, endRow }: Rows,
  digestsOf: DigestsOf,
  isHeld: ((hashHi: number) => boolean) | undefined,
  nowMs: number,
): void {
  const { table } = store
  for (let key = fromRow; key < endRow; key++) {
    if (!table.isMarked(key, KEY)) continue
    if (isHeld?.(table.hi(key)) === false) giveUp(store, key, nowMs)
    for (let row = key; row !== NO_ROW; row = table.next(row)) {
      const actor = table.actor(row)
      for (const block of digestsOf(table.hi(row), actors.of(actor).node)) {
        if (block.rule === rule) addRow(store, row, actors.tag(actor), block)
      }
    }
  }
}

/**
 * The node is no longer told of what others admit of the key: should it decide it again, then from the counts. A
 * bucket would miss whatever has fallen off by then.
 */
function giveUp(store: KeyStore, key: number, nowMs: number): void {
  if (!store.table.isMarked(key, ACTING)) return
  store.dropSurcharge(key, nowMs)
  store.table.unmark(key, ACTING)
  for (let limit = 0; limit < store.limits.length; limit++) store.setBucket(key, limit, 0, 0)
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
