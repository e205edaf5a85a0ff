import { sliceAt } from '../../crdt/sliced-counter.ts'
import { SELF } from './actor-table.ts'
import type { KeyHash } from './key-hash.ts'
import type { KeyStore } from './key-store.ts'
import { ACTING, NO_ROW, SURCHARGED } from './key-table.ts'
import { lastBefore } from './leased.ts'
import type { Limit } from './limit.ts'

/**
 * A lease lets another node admit tokens of a key without asking. The decider counts them as admitted at once, so
 * that its own counts are all that replicas need to know; but they are given out later, at a time that it is not told.
 *
 * - Of a bucket that drains, what is given out later is in use for longer. So leased tokens do not drain until the
 *   lease is over, and then all at once begin to: the decider's level is never below that of the meter of what was
 *   given out, whenever that was. A bucket that is never empty loses nothing by it.
 * - Of windows a lease ends before its slice does: then tokens fall out of the counts as if given out at once.
 *
 * So O = 0 with leases as without. What is leased and not given out was counted for nothing: the key is the stricter.
 *
 * Not leased are limits whose answer depends on the order of admissions (`leaky-bucket`), whose tokens are given back
 * one by one (`concurrency`), and windows that open with what is given out (`fixed-window` from the first hit).
 */
export function isLeasable({ reckoning, isShaping, policy }: Limit): boolean {
  return !isShaping && !reckoning.opensOnUse && policy.algorithm?.type !== 'concurrency'
}

export interface LeaseWish {
  /** What the origin is asked for in `forMs`. */
  readonly tokens: number
  /** For how long at most. */
  readonly forMs: number
  /** Fewer are not worth it. */
  readonly tokensMin: number
  /** Nodes that may want leases of the same key. */
  readonly members: number
}

/**
 * Leases tokens of a key that this node decides by its whole limits, and has just admitted something of. Of the room
 * that is left, every member may have as much, and all of them half:
 *
 *     tokens ≤ room / (2·members)        leased, this lease included ≤ (room + leased before) / 2 ≤ B/2
 */
export function lease(
  store: KeyStore,
  { hi, lo }: KeyHash,
  wish: LeaseWish,
  nowMs: number,
): { readonly tokens: number; readonly forMs: number } | undefined {
  const key = store.table.find(hi, lo)
  if (key === NO_ROW || store.table.rowOf(key, SELF) === NO_ROW) return undefined
  const isWhole = store.table.isMarked(key, ACTING) && !store.table.isMarked(key, SURCHARGED)
  if (!isWhole || !store.leased.hasRoom(key)) return undefined
  const forMs = store.limits.reduce((least, limit) => {
    return Math.min(least, longest(limit, wish.forMs, nowMs))
  }, wish.forMs)
  const share = Math.ceil((wish.tokens * forMs) / wish.forMs)
  const tokens = Math.min(share, tokensFor(store, key, wish.members, nowMs))
  if (forMs <= 0 || tokens < wish.tokensMin) return undefined
  const levels = store.levels(key, nowMs)
  store.record(key, tokens, nowMs)
  store.leased.add(key, tokens, nowMs + forMs)
  for (const [index, { drainPerMs, tokenUnits }] of store.limits.entries()) {
    if (drainPerMs > 0) continue
    store.setLevel(key, index, (levels[index] as number) + tokens * tokenUnits, nowMs)
  }
  return { tokens, forMs }
}

/** Given out before its time is over, a token is given out in the present slice. */
function longest(limit: Limit, forMs: number, nowMs: number): number {
  if (limit.drainPerMs > 0) return forMs
  const { calendar, sliceMs } = limit
  const endMs =
    calendar === undefined ? (sliceAt(limit, nowMs) + 1) * sliceMs : calendar.at(nowMs).endMs
  return lastBefore(endMs) - nowMs
}

function tokensFor(store: KeyStore, key: number, members: number, nowMs: number): number {
  const levels = store.levels(key, nowMs)
  const leased = store.leased.tokens(key)
  return store.limits.reduce((least, { capacityUnits, tokenUnits }, index) => {
    const room = (capacityUnits - (levels[index] as number)) / tokenUnits
    return Math.min(least, Math.floor(room / (2 * members)), Math.floor((room - leased) / 2))
  }, Number.POSITIVE_INFINITY)
}
