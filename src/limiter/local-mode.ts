import { decide, type Weight, WHOLE } from './admission.ts'
import type { Decision } from './decision.ts'
import type { KeyHash } from './key-hash.ts'
import type { KeyStore } from './key-store.ts'
import { NO_ROW } from './key-table.ts'
import type { Limit } from './limit.ts'

/**
 * What a node may decide by itself where all nodes decide (`cluster/in-step.ts`), N of them.
 *
 * - `together`: a check is allowed if the limit has room by all counts held here, and what of this node's admissions of the key
 *   the others do not all hold stays within the quota q. So of what is in use, a node knows all but (N-1)·q:
 *
 *       X*(t) ≤ level + (N-1)·q ≤ B + (N-1)·q        whatever the network does, and however late it is
 *
 * - `alone`: a token weighs N on the level, so a node gives out at most 1/N of what it believes to be left, and then R/N. All levels
 *   were at most (N-1)·q below X* when the first node began with it, for nobody decides together any more. With min(level, B)
 *   summed over the nodes,
 *
 *       X*(t) ≤ Σ min(level, B)/N + (N-1)·q ≤ B + (N-1)·q
 *
 *   for an admission of c raises both sides by c, what drains lowers the right side by R at most, and what is learnt raises it.
 * - `waits`: nothing is allowed.
 */
export interface Company {
  readonly type: 'together' | 'alone' | 'waits'
  readonly members: number
}

/** q: tokens that one of so many members may be ahead of the others. With 0 nobody could admit anything: then an owner decides. */
export function quotaOf(burst: number, members: number): number {
  return Math.floor(burst / members)
}

/** Only levels that drain are known to be right within a sum: of windows nodes would have to agree when they end. */
export function isDecidableByAll({ drainPerMs, isShaping }: Limit): boolean {
  return drainPerMs > 0 && !isShaping
}

/**
 * In use may be up to B + (N-1)·q, and what is asked for all the time stays in use: a fold that took it for B at its horizon would
 * forget what was admitted too much, and admit as much again.
 */
export function remembering(limit: Limit): Limit {
  return { ...limit, horizonUnits: 2 * limit.capacityUnits }
}

/** Until somebody may have acknowledged more. */
const QUOTA_RETRY_MS = 50
/** Until a node that waits may know how it stands. */
const WAITS_RETRY_MS = 250

/** `burst` is the smallest of the rule's limits. What is admitted is the caller's to tell. */
export function decideByAll(
  store: KeyStore,
  key: KeyHash,
  cost: number,
  burst: number,
  { type, members }: Company,
  nowMs: number,
): Decision {
  const quota = quotaOf(burst, members)
  if (type === 'alone') return decide(store, key, cost, ownShare(members), nowMs)
  if (members === 1) return decide(store, key, cost, WHOLE, nowMs)
  const row = store.table.find(key.hi, key.lo)
  const unacknowledged = row === NO_ROW ? 0 : store.unacknowledged.tokens(row)
  const left = type === 'waits' ? 0 : Math.max(0, quota - unacknowledged)
  // What checks weighed beyond their cost is held against the key until all decide together again.
  const weight = type === 'waits' ? FULL : WHOLE
  if (cost <= left) return within(left - cost, decide(store, key, cost, weight, nowMs))
  const stands = decide(store, key, 0, weight, nowMs)
  if (stands.remaining < cost) return within(left, decide(store, key, cost, weight, nowMs))
  return {
    type: 'refused',
    reason: 'partition_share',
    limit: stands.limit,
    remaining: left,
    resetMs: stands.resetMs,
    retryAfterMs: type === 'waits' ? WAITS_RETRY_MS : QUOTA_RETRY_MS,
  }
}

function ownShare(members: number): Weight {
  return { type: 'share', share: { reached: 1, members }, isOwn: true }
}

const FULL = { type: 'full' } as const

/** No more is promised than this node would give out at once. */
function within(left: number, decision: Decision): Decision {
  return decision.remaining <= left ? decision : { ...decision, remaining: left }
}
