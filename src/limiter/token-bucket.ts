import { SELF } from './actor-table.ts'
import type { Decision } from './decision.ts'
import type { KeyHash } from './key-hash.ts'
import type { KeyStore } from './key-store.ts'
import { ACTING, NO_ROW } from './key-table.ts'
import type { Limit } from './limit.ts'

/**
 * The token bucket, as a leaky-bucket meter in whole units (Turner 1986; the arithmetic of GCRA, ITU-T
 * I.371, in its leaky-bucket form). A check of cost c is allowed iff for every limit of the rule
 *
 *     level + c ≤ B        and then every level rises by c.
 *
 * All or nothing: a refusal by one limit takes nothing from the others. Cost 0 asks and takes nothing.
 * Exact: at 100/s and burst 100 the 101st check of a burst is refused, and allowed 10 ms later.
 */
export function decideTokenBucket(
  store: KeyStore,
  key: KeyHash,
  cost: number,
  nowMs: number,
): Decision {
  const known = store.table.find(key.hi, key.lo)
  if (known === NO_ROW && cost === 0) return untouched(store.limits)
  const row = known === NO_ROW ? store.open(key.hi, key.lo, SELF, nowMs) : known
  if (row === NO_ROW) return overloaded()
  if (!store.table.isMarked(row, ACTING)) store.takeOver(row, nowMs)
  const refusal = refusedBy(store, row, cost, nowMs)
  if (refusal !== undefined) return refusal
  return take(store, row, cost, nowMs)
}

/** How long to wait when the table of keys is full: until some key may have drained. */
export const OVERLOADED_RETRY_MS = 1_000

function refusedBy(
  store: KeyStore,
  row: number,
  cost: number,
  nowMs: number,
): Decision | undefined {
  let refusal: Decision | undefined
  let longestMs = 0
  for (let index = 0; index < store.limits.length; index++) {
    const limit = store.limits[index] as Limit
    const level = settledLevel(store, row, index, nowMs)
    const excess = level + cost * limit.tokenUnits - limit.capacityUnits
    if (excess <= 0) continue
    const behindMs = store.behindMs(row, index, nowMs)
    const retryAfterMs = behindMs + Math.ceil(excess / limit.drainPerMs)
    if (retryAfterMs <= longestMs) continue
    longestMs = retryAfterMs
    refusal = {
      type: 'refused',
      limit: index,
      remaining: remainingTokens(limit, level),
      resetMs: behindMs + Math.ceil(level / limit.drainPerMs),
      retryAfterMs,
      reason: 'over_limit',
    }
  }
  return refusal
}

/**
 * The level, after looking whether a debt has lapsed: counts that came late may have lifted the bucket
 * above its size, and the counts forget what the bucket would remember. Both are bounds; the lower holds.
 */
function settledLevel(store: KeyStore, row: number, index: number, nowMs: number): number {
  const level = store.level(row, index, nowMs)
  if (level <= (store.limits[index] as Limit).capacityUnits) return level
  const settled = Math.min(level, store.folded(row, index, nowMs))
  store.setLevel(row, index, settled, nowMs)
  return settled
}

function take(store: KeyStore, row: number, cost: number, nowMs: number): Decision {
  let tightest = 0
  let remaining = Number.POSITIVE_INFINITY
  let resetMs = 0
  for (let index = 0; index < store.limits.length; index++) {
    const limit = store.limits[index] as Limit
    const level = store.level(row, index, nowMs) + cost * limit.tokenUnits
    if (cost > 0) store.setLevel(row, index, level, nowMs)
    const left = remainingTokens(limit, level)
    if (left >= remaining) continue
    tightest = index
    remaining = left
    resetMs =
      level > 0 ? store.behindMs(row, index, nowMs) + Math.ceil(level / limit.drainPerMs) : 0
  }
  if (cost > 0) store.record(row, cost, nowMs)
  return { type: 'allowed', limit: tightest, remaining, resetMs }
}

function remainingTokens(limit: Limit, level: number): number {
  return Math.max(0, Math.floor((limit.capacityUnits - level) / limit.tokenUnits))
}

function untouched(limits: readonly Limit[]): Decision {
  let tightest = 0
  for (let index = 1; index < limits.length; index++) {
    if (burstOf(limits, index) < burstOf(limits, tightest)) tightest = index
  }
  return { type: 'allowed', limit: tightest, remaining: burstOf(limits, tightest), resetMs: 0 }
}

function burstOf(limits: readonly Limit[], index: number): number {
  return (limits[index] as Limit).policy.burst
}

function overloaded(): Decision {
  return {
    type: 'refused',
    limit: 0,
    remaining: 0,
    resetMs: OVERLOADED_RETRY_MS,
    retryAfterMs: OVERLOADED_RETRY_MS,
    reason: 'overloaded',
  }
}
