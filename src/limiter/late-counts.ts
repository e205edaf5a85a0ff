import type { KeyStore } from './key-store.ts'
import type { Limit } from './limit.ts'

/** What a decider does with its bucket when it learns late what others admitted or gave back. */

/** A bucket and its fold, in units, before counts were merged. */
export interface Before {
  readonly level: number
  readonly folded: number
}

export function before(store: KeyStore, key: number, limit: number, nowMs: number): Before {
  return { level: store.level(key, limit, nowMs), folded: store.folded(key, limit, nowMs) }
}

/**
 * Tokens admitted elsewhere became known. The level was at most X before, and is now at most
 *
 *     X + tokens                 because a meter rises by no more than what is added to it
 *     the fold                   unless there was a debt at its horizon
 *     X + the fold's rise        then: what has drained since the fold does not hold against the key
 *
 * (The fold's rise alone can be too little by what drains in a slice: the fold adds a slice's tokens at its end,
 * and what was there before has drained until then.)
 *
 * While the network is split it is this node's side that is heard of, and all its deciders have one share
 * between them: what others admitted weighs as much as what this node admits.
 *
 * A debt is remembered in full, up to what drains in the time for which counts are kept: a key is never
 * refused for longer than that (invariant 16).
 */
export function lift(
  store: KeyStore,
  key: number,
  limit: number,
  tokens: number,
  was: Before,
  nowMs: number,
): void {
  const { tokenUnits, debtUnitsMax } = store.limits[limit] as Limit
  const weight = store.weight(key)
  const folded = store.folded(key, limit, nowMs)
  const byFold = was.level + weight * Math.max(0, folded - was.folded)
  const byTokens = was.level + weight * tokens * tokenUnits
  const lifted = Math.ceil(Math.max(byFold, Math.min(byTokens, folded)))
  store.setLevel(key, limit, Math.min(lifted, Math.max(was.level, debtUnitsMax)), nowMs)
}

/** Tokens given back elsewhere became known: the level falls by them, but not below what the counts then say. */
export function lower(
  store: KeyStore,
  key: number,
  limit: number,
  tokens: number,
  was: Before,
  nowMs: number,
): void {
  const { tokenUnits } = store.limits[limit] as Limit
  const folded = store.folded(key, limit, nowMs)
  const lowered = Math.max(was.level - tokens * tokenUnits, folded)
  store.setLevel(key, limit, Math.min(was.level, lowered), nowMs)
}
