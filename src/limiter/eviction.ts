import type { Limit } from './algorithms/reckoning.ts'
import { KEY, type KeyTable, NO_ROW } from './key-table.ts'

/** Rows an eviction looks at before it settles for the least used key among them. */
export const EVICTION_ROWS = 64

/** A table of keys, and what each may have used. */
interface Evictable {
  readonly table: KeyTable
  readonly limits: readonly Limit[]
  assumed(key: number, limit: number, nowMs: number): number
}

/**
 * Second-chance eviction without the chance: the hand looks at some rows and gives up the key that has
 * used the smallest share of its limits. A key that is being refused is never forgotten, for that would
 * hand its burst out twice.
 */
export class Eviction {
  #hand = 0
  #evicted = 0

  /** Live keys given up for new ones so far. */
  get evicted(): number {
    return this.#evicted
  }

  /** The key to forget, any but `spared`; NO_ROW when there is none. */
  victim(store: Evictable, spared: number, nowMs: number): number {
    let victim = NO_ROW
    let least = Number.POSITIVE_INFINITY
    const rows = store.table.rowsSeen
    for (let step = 0; step < Math.min(EVICTION_ROWS, rows); step++) {
      this.#hand = this.#hand + 1 < rows ? this.#hand + 1 : 0
      if (this.#hand === spared || !store.table.isMarked(this.#hand, KEY)) continue
      const used = usedShare(store, this.#hand, nowMs)
      if (used >= least) continue
      least = used
      victim = this.#hand
      if (used === 0) break
    }
    if (victim !== NO_ROW && least > 0) this.#evicted += 1
    return victim
  }
}

/** Share of the burst in use, the worst of all limits; infinite when not one token is left. */
function usedShare(store: Evictable, key: number, nowMs: number): number {
  let share = 0
  for (let limit = 0; limit < store.limits.length; limit++) {
    const { capacityUnits, tokenUnits } = store.limits[limit] as Limit
    const level = store.assumed(key, limit, nowMs)
    if (level + tokenUnits > capacityUnits) return Number.POSITIVE_INFINITY
    share = Math.max(share, level / capacityUnits)
  }
  return share
}
