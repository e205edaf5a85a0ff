/**
 * Who writes into replicated state.
 *
 * A node keeps its id for as long as it keeps its identity; every start of its process is a new
 * incarnation. The two together are an actor: the only writer of its own counts. A restarted node is a
 * new actor, so no count ever goes backwards and no maximum ever hides a new admission.
 */

/** The identity a transport has authenticated. Opaque; compared as a string. */
export type NodeId = string & { readonly nodeId: true }

/**
 * One life of one node. `incarnation` is a safe integer, larger for each later start of the same node.
 *
 * It writes two counters: what it admitted, and what it gave back of what anybody admitted. Neither ever falls;
 * together they are a PN-Counter (Shapiro et al., 2011). The second is that of the actor's credit.
 */
export interface Actor {
  readonly node: NodeId
  readonly incarnation: number
  readonly credit?: true
}

/** Random bits below the start time, so that two starts in one millisecond still differ. */
export const INCARNATION_RANDOM_BITS = 12

/**
 * The incarnation of a process started at `startMs` (milliseconds since 1970): 41 bits of time above 12
 * random bits, which together fit a safe integer until the year 2039.
 */
export function incarnationAt(startMs: number, randomBits: number): number {
  const span = 2 ** INCARNATION_RANDOM_BITS
  return Math.floor(startMs) * span + (randomBits & (span - 1))
}

/** When the incarnation started, in milliseconds since 1970. */
export function startOfIncarnation(incarnation: number): number {
  return Math.floor(incarnation / 2 ** INCARNATION_RANDOM_BITS)
}

/** One total order for everybody: plain code unit order, never the locale's. */
export function compareNodeIds(a: NodeId, b: NodeId): number {
  return a < b ? -1 : a > b ? 1 : 0
}
