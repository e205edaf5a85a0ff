import { SELF } from './actor-table.ts'
import { giveAllBack, giveBack, isInUse, roomForCount } from './credit.ts'
import type { Decision } from './decision.ts'
import type { KeyHash } from './key-hash.ts'
import type { KeyStore } from './key-store.ts'
import { ACTING, NO_ROW, SURCHARGED } from './key-table.ts'
import type { Limit } from './limit.ts'

/** How much of the limit this node may enforce: all of it, in a whole network or in a split one; or a share. */
export type Weight =
  | { readonly type: 'whole' }
  | { readonly type: 'full' }
  | {
      readonly type: 'share'
      readonly share: { readonly reached: number; readonly members: number }
      /** Nobody else admits out of this share: what others have admitted weighs what it is. */
      readonly isOwn?: true
    }

export const WHOLE: Weight = { type: 'whole' }

/**
 * A check of cost c is allowed iff for every limit of the rule, by that limit's own algorithm,
 *
 *     level + c ≤ B        and then every level rises by c.
 *
 * All or nothing: a refusal by one limit takes nothing from the others. Cost 0 asks and takes nothing.
 * Exact: of a token bucket of 100/s and burst 100 the 101st check of a burst is refused, and allowed 10 ms later.
 *
 * With a share of W the check weighs c/W on the level, and what is recorded is c. The rooms of all sides of
 * a split then add up to one, and when it has healed the true counts are all there is. A weight above B is
 * let in by an empty bucket, which then takes the longer to drain.
 */
export function decide(
  store: KeyStore,
  key: KeyHash,
  cost: number,
  weight: Weight,
  nowMs: number,
): Decision {
  const row = store.table.find(key.hi, key.lo)
  if (row !== NO_ROW) return decideKnown(store, row, cost, weight, nowMs)
  if (cost === 0) return untouched(store.limits)
  const opened = store.open(key.hi, key.lo, SELF, nowMs)
  return opened === NO_ROW ? overloaded() : decideKnown(store, opened, cost, weight, nowMs)
}

function decideKnown(
  store: KeyStore,
  row: number,
  cost: number,
  weight: Weight,
  nowMs: number,
): Decision {
  if (!store.table.isMarked(row, ACTING)) store.takeOver(row, nowMs)
  if (weight.type === 'whole') store.dropSurcharge(row, nowMs)
  else if (weight.type === 'share') {
    const { share, isOwn } = weight
    store.surcharge(row, isOwn ? 1 : share.members / share.reached)
  }
  const levels = store.levels(row, nowMs)
  const isAllowed = hasRoom(store.limits, levels, cost, weight)
  return isAllowed
    ? take(store, row, levels, cost, weight, nowMs)
    : refused(store, row, levels, cost, weight, nowMs)
}

/**
 * Gives tokens back, as far as there are any in use: never is more left than the burst. Returns how the key then
 * stands. Of tokens that were taken at `takenMs` a window that was another one then has none to give.
 */
export function refund(
  store: KeyStore,
  key: KeyHash,
  cost: number,
  nowMs: number,
  takenMs?: number,
): Decision {
  const row = store.table.find(key.hi, key.lo)
  if (row === NO_ROW) return untouched(store.limits)
  if (!store.table.isMarked(row, ACTING)) store.takeOver(row, nowMs)
  for (let index = 0; index < store.limits.length; index++) {
    const { tokenUnits } = store.limits[index] as Limit
    if (takenMs !== undefined && !isInUse(store, row, index, takenMs, nowMs)) continue
    const left = Math.max(0, store.level(row, index, nowMs) - cost * tokenUnits)
    // What the counts know of less than the bucket, a penalty or a share of a split, goes first.
    const more = (store.folded(row, index, nowMs) - left) / tokenUnits
    // Where nothing is left, no part of a token is.
    const counted = left === 0 ? Math.ceil(more) : Math.floor(more)
    giveBack(store, row, index, Math.min(cost, Math.max(0, counted)), nowMs, takenMs)
    store.setLevel(row, index, left, nowMs)
  }
  return standing(store, row, nowMs)
}

/** Gives everything back: the key is as if it had never been used. */
export function reset(store: KeyStore, key: KeyHash, nowMs: number): Decision {
  const row = store.table.find(key.hi, key.lo)
  if (row === NO_ROW) return untouched(store.limits)
  if (!store.table.isMarked(row, ACTING)) store.takeOver(row, nowMs)
  for (let index = 0; index < store.limits.length; index++) {
    giveAllBack(store, row, index, nowMs)
    store.setLevel(row, index, 0, nowMs)
  }
  return standing(store, row, nowMs)
}

/**
 * Takes tokens whether or not there is room for them: the key then owes what is missing. What no honest count
 * could say is owed to this node alone.
 */
export function penalise(store: KeyStore, key: KeyHash, cost: number, nowMs: number): Decision {
  const known = store.table.find(key.hi, key.lo)
  const row = known === NO_ROW ? store.open(key.hi, key.lo, SELF, nowMs) : known
  if (row === NO_ROW) return overloaded()
  if (!store.table.isMarked(row, ACTING)) store.takeOver(row, nowMs)
  const levels = store.limits.map((_, index) => store.level(row, index, nowMs))
  store.record(row, Math.min(cost, roomForCount(store, row, nowMs)), nowMs)
  for (const [index, level] of levels.entries()) {
    const { tokenUnits, debtUnitsMax } = store.limits[index] as Limit
    const owed = Math.min(level + cost * tokenUnits, Math.max(level, debtUnitsMax))
    store.setLevel(row, index, owed, nowMs)
  }
  return standing(store, row, nowMs)
}

/** What a check of cost 0 would be told. */
function standing(store: KeyStore, row: number, nowMs: number): Decision {
  return take(store, row, store.levels(row, nowMs), 0, WHOLE, nowMs)
}

/** What a check weighs on the level of one limit, in units. */
function charge(limit: Limit, cost: number, weight: Weight): number {
  const units = cost * limit.tokenUnits
  if (weight.type !== 'share') return units
  const { reached, members } = weight.share
  return Math.ceil((units * members) / reached)
}

/** The room a check needs: what it weighs, but never more than an empty bucket has. */
function roomFor(limit: Limit, cost: number, weight: Weight): number {
  return Math.min(limit.capacityUnits, charge(limit, cost, weight))
}

/** How long to wait when the table of keys is full: until some key may have drained. */
export const OVERLOADED_RETRY_MS = 1_000

function hasRoom(
  limits: readonly Limit[],
  levels: Float64Array,
  cost: number,
  weight: Weight,
): boolean {
  for (let index = 0; index < limits.length; index++) {
    const limit = limits[index] as Limit
    if ((levels[index] as number) + roomFor(limit, cost, weight) > limit.capacityUnits) return false
  }
  return true
}

/** By the limit that has to be waited for longest. */
function refused(
  store: KeyStore,
  row: number,
  levels: Float64Array,
  cost: number,
  weight: Weight,
  nowMs: number,
): Decision {
  let index = 0
  let retryAfterMs = 0
  for (let at = 0; at < store.limits.length; at++) {
    const limit = store.limits[at] as Limit
    const excess = (levels[at] as number) + roomFor(limit, cost, weight) - limit.capacityUnits
    const freeInMs = excess > 0 ? store.freeInMs(row, at, excess, nowMs) : 0
    if (freeInMs <= retryAfterMs) continue
    index = at
    retryAfterMs = freeInMs
  }
  const level = levels[index] as number
  return {
    type: 'refused',
    limit: index,
    remaining: remainingTokens(store.limits[index] as Limit, level, weight),
    resetMs: store.freeInMs(row, index, level, nowMs),
    retryAfterMs,
    reason: wouldPassWhole(store, row, index, cost, nowMs) ? 'partition_share' : 'over_limit',
  }
}

/** Whether the limit itself, by what was really admitted, has room for a check that a share refused. */
function wouldPassWhole(
  store: KeyStore,
  row: number,
  index: number,
  cost: number,
  nowMs: number,
): boolean {
  if (!store.table.isMarked(row, SURCHARGED)) return false
  const { tokenUnits, capacityUnits } = store.limits[index] as Limit
  return store.folded(row, index, nowMs) + cost * tokenUnits <= capacityUnits
}

/** `levels` are those before it. */
function take(
  store: KeyStore,
  row: number,
  levels: Float64Array,
  cost: number,
  weight: Weight,
  nowMs: number,
): Decision {
  if (cost > 0) store.record(row, cost, nowMs)
  let tightest = 0
  let remaining = Number.POSITIVE_INFINITY
  let resetMs = 0
  let delayMs = 0
  for (let index = 0; index < store.limits.length; index++) {
    const limit = store.limits[index] as Limit
    const before = levels[index] as number
    const level = before + charge(limit, cost, weight)
    // What is shaped waits until everything admitted before it has drained, at the slowest of its limits.
    if (limit.isShaping && before > 0) {
      delayMs = Math.max(delayMs, store.freeInMs(row, index, before, nowMs))
    }
    if (cost > 0) store.setLevel(row, index, level, nowMs)
    const left = remainingTokens(limit, level, weight)
    if (left >= remaining) continue
    tightest = index
    remaining = left
    resetMs = level > 0 ? store.freeInMs(row, index, level, nowMs) : 0
  }
  return { type: 'allowed', limit: tightest, remaining, resetMs, delayMs }
}

function remainingTokens(limit: Limit, level: number, weight: Weight): number {
  return Math.max(0, Math.floor((limit.capacityUnits - level) / charge(limit, 1, weight)))
}

function untouched(limits: readonly Limit[]): Decision {
  let tightest = 0
  for (let index = 1; index < limits.length; index++) {
    if (burstOf(limits, index) < burstOf(limits, tightest)) tightest = index
  }
  return {
    type: 'allowed',
    limit: tightest,
    remaining: burstOf(limits, tightest),
    resetMs: 0,
    delayMs: 0,
  }
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

/** A side that may admit nothing may do so again when the split has healed; nobody knows when. */
export function closed(): Decision {
  return {
    type: 'refused',
    limit: 0,
    remaining: 0,
    resetMs: CLOSED_RETRY_MS,
    retryAfterMs: CLOSED_RETRY_MS,
    reason: 'partition_closed',
  }
}
const CLOSED_RETRY_MS = 1_000
