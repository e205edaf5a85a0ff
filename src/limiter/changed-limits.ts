import type { Limit } from './algorithms/reckoning.ts'
import type { KeyStore } from './key-store.ts'
import { KEY } from './key-table.ts'

/** What becomes of a rule's memory when its limits change. */

/**
 * Whether counts can go on as they are: slices are equal. Nodes that know of the change and nodes that do not
 * then still understand each other's counts.
 */
export function haveEqualSlices(before: readonly Limit[], after: readonly Limit[]): boolean {
  return (
    before.length === after.length &&
    before.every(({ sliceMs, slices }, index) => {
      return sliceMs === after[index]?.sliceMs && slices === after[index]?.slices
    })
  )
}

/**
 * Gives a store other limits over equal slices. Its counts stay, and what others may still admit by the former
 * limit stays believable; levels are put into the units of the new limits: tokens in use stay in use, of meters
 * that drain up to the new burst. O(rows), some 20 ns each, and nothing where the units are equal.
 */
export function relimit(
  store: KeyStore,
  limits: readonly Limit[],
  flushTokens: number,
  nowMs: number,
): void {
  const { limits: former, table } = store
  const after = limits.map((limit, index) => {
    return { ...limit, countMax: Math.max(limit.countMax, (former[index] as Limit).countMax) }
  })
  const changed = after.map((_, index) => index).filter((index) => isOther(former, after, index))
  for (let row = 0; changed.length > 0 && row < table.rowsSeen; row++) {
    if (!table.isMarked(row, KEY)) continue
    store.leased.end(store, row, nowMs)
    for (const index of changed) {
      convert(store, row, index, former[index] as Limit, after[index] as Limit, nowMs)
    }
  }
  store.relimit(after, flushTokens)
}

/** Of windows the level is tokens in either case, and what is above the new limit ends with the window. */
function isOther(former: readonly Limit[], after: readonly Limit[], index: number): boolean {
  const [one, other] = [former[index] as Limit, after[index] as Limit]
  return (
    one.reckoning !== other.reckoning ||
    one.tokenUnits !== other.tokenUnits ||
    one.drainPerMs !== other.drainPerMs ||
    (other.drainPerMs > 0 && one.capacityUnits > other.capacityUnits)
  )
}

function convert(
  store: KeyStore,
  row: number,
  index: number,
  former: Limit,
  limit: Limit,
  nowMs: number,
): void {
  const level = former.reckoning.level(former, store, row, index, nowMs)
  // What has drained by the former rate would not all have by the new one: it is put down as drained.
  if (level === 0 && store.bucketLevel(row, index) === 0) return
  const units = Math.ceil((level * limit.tokenUnits) / former.tokenUnits)
  const kept = Math.min(units, limit.capacityUnits)
  limit.reckoning.put(limit, store, row, index, kept, nowMs)
}
