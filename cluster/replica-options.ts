import type { NodeId } from '../crdt/node-id.ts'
import type { CopiesWanted } from './copies.ts'
import type { JourneysDependencies } from './journeys.ts'
import type { Settings } from './message.ts'
import type { Random } from './random.ts'
import type { ReplicatedState } from './replicated-state.ts'

export interface ReplicaDependencies {
  readonly state: ReplicatedState
  /** Decides a check here and now, and records what it admits. */
  readonly decide: JourneysDependencies['decide']
  readonly random: Random
}

export interface ReplicaOptions {
  readonly gossipIntervalMs: number
  /** Ceiling of the adaptive forward timeout. */
  readonly forwardTimeoutMs: number
  /** Who may be a member, whatever is told; absent: whoever is told of. */
  readonly allowed?: ReadonlySet<NodeId> | undefined
  /** Whether there are others to join. Without, the node is active from its first moment. */
  readonly joins: boolean
  /** How many nodes hold each key; default: as many as suits the number of members. The same on all nodes. */
  readonly copies?: CopiesWanted | undefined
  /** How long a member that is gone is remembered, dialled, and may be alive on the far side of a split. */
  readonly forgetAfterMs?: number
  /** What peers are told of this node's settings; without, nothing. */
  readonly settings?: Settings
}
