import type { SlicedCounters } from '../../crdt/sliced-counter.ts'
import { sliceAt } from '../../crdt/sliced-counter.ts'
import { SELF } from './actor-table.ts'
import type { KeyStore } from './key-store.ts'
import { NO_ROW } from './key-table.ts'
import type { Limit } from './limit.ts'

/** Whose tokens are given back: of any time, or those taken last. */
export type Which = 'any' | 'newest'

/**
 * The credit side of the counts: what was admitted and then given back. It is written slice by slice beside what
 * it cancels, and is never more than that, so that each slice of all actors together holds what was admitted in
 * it and not given back.
 *
 * - A meter that drains: the newest admissions are cancelled. Without c tokens in any one slice its level is no
 *   more than c below what it was, and that is where the decider's own level is now.
 * - A window: the oldest are. A newer one may be the one that was meant, and would be counted for longer; so for
 *   nobody is too little counted. Only what was taken a moment ago is known to be of the newest, and cancelling
 *   others for it would keep a window in use for as long as somebody tries in vain.
 *
 * Where there is no room to write it replicas know nothing of it, and are the stricter.
 */
export function giveBack(
  store: KeyStore,
  key: number,
  index: number,
  tokens: number,
  nowMs: number,
  which: Which,
): void {
  const limit = store.limits[index] as Limit
  const row = store.openCredit(key, nowMs)
  if (row === NO_ROW) return
  const oldest = limit.reckoning.oldestInUse(limit, nowMs)
  const current = sliceAt(limit, nowMs)
  const isNewestFirst = limit.drainPerMs > 0 || which === 'newest'
  let left = tokens
  for (let step = 0; left > 0 && step <= current - oldest; step++) {
    const slice = isNewestFirst ? current - step : oldest + step
    const back = Math.min(left, store.counted(key, index, slice))
    cancel(store, row, index, slice, back)
    left -= back
  }
  store.unsent.add(key, tokens)
}

/** Gives back whatever is counted of one limit, even what clocks ahead have written. */
export function giveAllBack(store: KeyStore, key: number, index: number, nowMs: number): void {
  const limit = store.limits[index] as Limit
  const row = store.openCredit(key, nowMs)
  if (row === NO_ROW) return
  const current = sliceAt(limit, nowMs)
  for (let slice = current - limit.slices + 1; slice < current + limit.slices; slice++) {
    cancel(store, row, index, slice, store.counted(key, index, slice))
  }
  store.unsent.add(key, 0)
}

/** Tokens that all actors together are known to have given back. */
export function givenBack(store: KeyStore, key: number, index: number): number {
  const counters = store.counters[index] as SlicedCounters
  return store.rows(key).credits.reduce((sum, row) => sum + counters.total(row), 0)
}

/** Tokens that this node may still count in the present slice without saying what nobody would believe. */
export function roomForCount(store: KeyStore, key: number, nowMs: number): number {
  const row = store.table.rowOf(key, SELF)
  return store.limits.reduce((room, limit, index) => {
    const counters = store.counters[index] as SlicedCounters
    const counted = row === NO_ROW ? 0 : counters.count(row, sliceAt(limit, nowMs))
    const most = limit.countMax + givenBack(store, key, index)
    return Math.min(room, Math.max(0, most - counted))
  }, Number.MAX_SAFE_INTEGER)
}

function cancel(store: KeyStore, row: number, index: number, slice: number, tokens: number): void {
  if (tokens === 0) return
  const held = (store.counters[index] as SlicedCounters).count(row, slice)
  store.raise(row, index, slice, held + tokens)
}
