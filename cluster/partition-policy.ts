import { PARTITION_HOLD_MS, SILENT_INTERVALS, SUSPECT_MISSED_TICKS } from './limits.ts'

/**
 * What a side of a split may admit.
 *
 * A side knows which of the last agreed members it still reaches; its weight is W = reached / members. The
 * members are never counted anew while the network is split, for then every side would count only itself
 * and enforce the full limit. Where members weigh by demand, W is the weight of those reached of all weights, and
 * a majority is more than half the weight.
 *
 * | policy     | until the hold has passed | afterwards                                         |
 * |------------|---------------------------|----------------------------------------------------|
 * | `majority` | share W                   | full for the side with more than half, else W      |
 * | `share`    | share W                   | share W                                            |
 * | `open`     | full                      | full                                               |
 * | `closed`   | nothing without a majority, else full                                          ||
 */
export type PartitionPolicy = 'majority' | 'share' | 'open' | 'closed'

/** By what members weigh: each the same, or by what was asked of them before the split (`weighing.ts`). */
export type Weights = 'nodes' | 'demand'

/** A share of the limit: `reached` of `members` parts. */
export interface Share {
  readonly reached: number
  readonly members: number
}

/** How much of the cluster this node reaches, itself included. */
export interface Reach {
  readonly reached: number
  /** Last agreed members that may be alive. */
  readonly members: number
  /** For how long not all of them have been reached; 0 when all are. */
  readonly splitForMs: number
  /** What those weigh by demand; absent: each the same. */
  readonly byDemand?: Share
}

/**
 * - `whole`: everybody who may be alive is reached.
 * - `full`: the whole limit although the network is split.
 * - `share`: so much of the limit.
 * - `closed`: nothing.
 */
export type Standing =
  | { readonly type: 'whole' }
  | { readonly type: 'full' }
  | { readonly type: 'share'; readonly share: Share }
  | { readonly type: 'closed' }

export function standing(policy: PartitionPolicy, reach: Reach): Standing {
  const { reached, members, splitForMs } = reach
  if (reached >= members) return { type: 'whole' }
  const weight = reach.byDemand ?? { reached, members }
  const hasMajority = weight.reached * 2 > weight.members
  const share = { type: 'share', share: weight } as const
  switch (policy) {
    case 'open':
      return { type: 'full' }
    case 'closed':
      return hasMajority ? { type: 'full' } : { type: 'closed' }
    case 'share':
      return share
    case 'majority':
      return hasMajority && splitForMs >= PARTITION_HOLD_MS ? { type: 'full' } : share
  }
}

/** How much of the limit that is, from 0 to 1. */
export function weightOf(held: Standing): number {
  switch (held.type) {
    case 'share':
      return held.share.reached / held.share.members
    case 'closed':
      return 0
    default:
      return 1
  }
}

/** A rate of tokens and the burst above it, whatever they limit. */
export interface Flow {
  readonly tokensPerMs: number
  readonly burst: number
}

/**
 * Tokens that all sides together may have admitted above the limit, in a split of this length T. With t =
 * 4 gossip intervals until members suspect each other, s = 1.5 intervals until a stand-in counts silent
 * peers as gone, and N the members:
 *
 *     share, closed   (1 - 1/N)·(B + R·t) + unreached·R·s    admitted before anybody noticed
 *     majority        the same + R/2·(T - hold)⁺             less than half goes on beside the majority
 *     open            unreached·(B + R·T)                    each unreached member alone, at worst
 *
 * By demand the owner's side may weigh next to nothing: 1 in the place of 1 - 1/N.
 */
export function overshootBound(
  policy: PartitionPolicy,
  reach: Reach,
  flow: Flow,
  gossipIntervalMs: number,
): number {
  const { reached, members, splitForMs } = reach
  const { tokensPerMs, burst } = flow
  const unreached = members - reached
  if (policy === 'open') return Math.ceil(unreached * (burst + tokensPerMs * splitForMs))
  const suspectMs = (SUSPECT_MISSED_TICKS + 1) * gossipIntervalMs
  const silentMs = SILENT_INTERVALS * gossipIntervalMs
  const beyondOwner = reach.byDemand === undefined ? (members - 1) / members : 1
  const unnoticed =
    beyondOwner * (burst + tokensPerMs * suspectMs) + unreached * tokensPerMs * silentMs
  const heldMs = policy === 'majority' ? Math.max(0, splitForMs - PARTITION_HOLD_MS) : 0
  return Math.ceil(unnoticed + (tokensPerMs / 2) * heldMs)
}
