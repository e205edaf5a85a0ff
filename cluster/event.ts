import type { MergeResult } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { MemberState } from './message.ts'

/**
 * Everything about the cluster that is worth a metric, a log line or a check. The core emits one stream of
 * these; metrics, logs and the simulator's checkers are renderings of it.
 */
export type ClusterEvent =
  | {
      readonly type: 'member'
      readonly id: NodeId
      readonly name: string
      readonly state: MemberState
    }
  /** There were others to join, and none could be linked: this node goes on alone, with the whole limit. */
  | { readonly type: 'joined_alone' }
  /** This node decides although so many members have not told it what they admitted; of a joiner 0 if it has no link. */
  | { readonly type: 'hand_over_missed'; readonly members: number }
  | { readonly type: 'forgotten'; readonly id: NodeId }
  | { readonly type: 'ring'; readonly view: number; readonly members: number }
  | { readonly type: 'link'; readonly peer: NodeId; readonly up: boolean }
  | { readonly type: 'refuted'; readonly refutation: number }
  | { readonly type: 'usurped'; readonly incarnation: number }
  | { readonly type: 'merged'; readonly from: NodeId; readonly result: MergeResult }
  | {
      readonly type: 'forwarded'
      readonly peer: NodeId
      readonly result: ForwardResult
      readonly tookMs: number
    }
  /** Forwarded checks were under way for so long that nobody waits for them; they were not decided. */
  | { readonly type: 'stale'; readonly peer: NodeId; readonly checks: number }
  | { readonly type: 'breaker'; readonly peer: NodeId; readonly open: boolean }
  | { readonly type: 'stand_in'; readonly reason: StandInReason }
  | { readonly type: 'repaired'; readonly peer: NodeId; readonly counts: number }

/** `late`: an answer nobody waited for any more. */
export type ForwardResult = 'answered' | 'timeout' | 'unlinked' | 'late'

/** Why a node decided for a key it does not own. */
export type StandInReason =
  | 'owner_unreachable'
  | 'hop_limit'
  | 'unknown_rule'
  | 'backlog'
  | 'not_in_ring'
