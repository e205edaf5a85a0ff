import type { ClusterEvent } from '../cluster/event.ts'
import type { Action } from '../cluster/message.ts'
import type { Outbound } from '../cluster/outbox.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { Answer, CheckRequest, Rejection } from '../src/limiter/check.ts'
import type { KeyHash } from '../src/limiter/key-hash.ts'
import type { Fault } from './fault.ts'
import type { Deed } from './ledger.ts'
import type { Recalled } from './snapshots.ts'

/** What a client may want beside a check. */
export interface Errand {
  /** Default: a check. */
  readonly action?: Action
  /** Of a key that has no text. */
  readonly hash?: KeyHash
  /** What this corrects. */
  readonly corrects?: ClientAnswer
}

/** A client's check on its way, or what else it wants done to a key. */
export interface Asked extends Errand {
  /** Counts the checks of a run, from 1. */
  readonly id: number
  readonly node: NodeId
  readonly request: CheckRequest
  readonly askedMs: number
}

/** What a client saw of one check. */
export interface ClientAnswer extends Asked {
  readonly answer: Answer | Rejection
  /** Who decided; the node asked, for a refusal from memory. */
  readonly by: NodeId
  readonly answeredMs: number
}

/**
 * Watches a world from outside. Times are the world's, in milliseconds. An observer that acts on the world
 * does so through `at`, never from within a call.
 */
export interface Observer {
  /** A node's life begins. */
  started?(node: NodeId, life: number): void
  asked?(check: Asked): void
  answered?(seen: ClientAnswer): void
  /** Some node let a check through, at this instant. */
  admitted?(admission: Deed): void
  /** Some node counted tokens that another may let through, at this instant. */
  granted?(lease: Deed): void
  /** Some node gave tokens back, or took them as a penalty, at this instant. */
  adjusted?(deed: Deed): void
  /** A client will not settle what it has reserved any more: it is too late. */
  lapsed?(reserved: ClientAnswer): void
  /** A node wants this sent, now, in a frame of so many bytes. */
  sent?(from: NodeId, outbound: Outbound, frameBytes: number): void
  /** A node dropped a frame that it could not read. */
  malformed?(node: NodeId, from: NodeId): void
  /** A node's life began with the snapshot of an earlier one. */
  recalled?(node: NodeId, outcome: Recalled): void
  event?(node: NodeId, event: ClusterEvent): void
  struck?(fault: Fault): void
  /** Regularly, every `LOOK_MS`, between two events. */
  look?(): void
}

/** How often observers may look at the world as a whole. */
export const LOOK_MS = 100
