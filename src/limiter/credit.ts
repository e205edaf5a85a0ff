import type { SlicedCounters } from '../../crdt/sliced-counter.ts'
import { sliceAt } from '../../crdt/sliced-counter.ts'
import { SELF } from './actor-table.ts'
import type { KeyStore } from './key-store.ts'
import { NO_ROW } from './key-table.ts'
import type { Limit } from './limit.ts'

/**
 * The credit side of the counts: what was admitted and then given back. It is written slice by slice beside what
 * it cancels, and is never more than that, so that each slice of all actors together holds what was admitted in
 * it and not given back.
 *
 * - A meter that drains: the newest admissions are cancelled. Without c tokens in any one slice its level is no
 *   more than c below what it was, and that is where the decider's own level is now.
 * - A window: the oldest are. A newer one may be the one that was meant, and would be counted for longer; so for
 *   nobody is too little counted. Where it is known when they were taken it is that slice: otherwise what others
 *   leave in use would be counted for ever as the newest, as long as somebody takes and gives back beside them.
 *
 * Where there is no room to write it replicas know nothing of it, and are the stricter.
 */
export function giveBack(
  store: KeyStore,
  key: number,
  index: number,
  tokens: number,
  nowMs: number,
  takenMs?: number,
): void {
  const limit = store.limits[index] as Limit
  const row = store.openCredit(key, nowMs)
  if (row === NO_ROW) return
  const oldest = limit.reckoning.oldestInUse(limit, store, key, index, nowMs)
  const current = sliceAt(limit, nowMs)
  const first = takenMs === undefined ? oldest : Math.min(current, sliceAt(limit, takenMs))
  let left = tokens
  for (let step = 0; left > 0 && step <= current - oldest; step++) {
    const slice = limit.drainPerMs > 0 ? current - step : nthFrom(first, oldest, step)
    const back = Math.min(left, store.counted(key, index, slice))
    cancel(store, row, index, slice, back)
    left -= back
  }
  // A publication that has nothing to tell would still pass for the next one, which makes up for a lost frame.
  if (left < tokens) store.unsent.add(key, tokens - left)
}

/** That slice, the older ones, and then the newer ones: the older those are that are given back, the stricter. */
function nthFrom(first: number, oldest: number, step: number): number {
  return step <= first - oldest ? first - step : oldest + step
}

/** Whether what was taken then may still be in use. */
export function isInUse(
  store: KeyStore,
  key: number,
  index: number,
  takenMs: number,
  nowMs: number,
): boolean {
  const limit = store.limits[index] as Limit
  const { reckoning, drainPerMs } = limit
  if (drainPerMs > 0) return true
  if (reckoning.opensOnUse && takenMs < store.bucketMs(key, index)) return false
  return sliceAt(limit, takenMs) >= reckoning.oldestInUse(limit, store, key, index, nowMs)
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

/** Tokens of a slice that all actors together are known to have given back. */
export function givenBack(store: KeyStore, key: number, index: number, slice: number): number {
  return (store.counters[index] as SlicedCounters).sum(store.rows(key).credits, slice)
}

/**
 * Tokens of a penalty that this node may still count in the present slice without saying what nobody would believe. A
 * window that opens on use may end in it: then the next one needs the rest.
 */
export function roomForCount(store: KeyStore, key: number, nowMs: number): number {
  const row = store.table.rowOf(key, SELF)
  return store.limits.reduce((room, limit, index) => {
    const counters = store.counters[index] as SlicedCounters
    const slice = sliceAt(limit, nowMs)
    const counted = row === NO_ROW ? 0 : counters.count(row, slice)
    const { reckoning, countMax, policy } = limit
    const most =
      (reckoning.opensOnUse ? policy.burst : countMax) + givenBack(store, key, index, slice)
    return Math.min(room, Math.max(0, most - counted))
  }, Number.MAX_SAFE_INTEGER)
}

function cancel(store: KeyStore, row: number, index: number, slice: number, tokens: number): void {
  if (tokens === 0) return
  const held = (store.counters[index] as SlicedCounters).count(row, slice)
  store.raise(row, index, slice, held + tokens)
}
