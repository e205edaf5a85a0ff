import type { NodeId } from '../crdt/node-id.ts'

/**
 * Something that happens to the world, at a given time. A run's faults are a list that is drawn before it
 * starts, so that a failing run can be repeated with fewer of them.
 */
export type Fault = { readonly atMs: number } & FaultKind

export type FaultKind =
  /** The process ends: its links are reset, and whoever dials it is refused. */
  | { readonly type: 'kill'; readonly node: NodeId }
  /** The host vanishes: nothing arrives and nobody is told. */
  | { readonly type: 'power-off'; readonly node: NodeId }
  /** A new life of a node that is down, without memory of the last one. */
  | { readonly type: 'start'; readonly node: NodeId }
  /** The process is asked to go: it hands over, forwards for a while, and ends. */
  | { readonly type: 'leave'; readonly node: NodeId; readonly drainMs: number }
  /** The process stops and goes on later, as under SIGSTOP or a long garbage collection. */
  | { readonly type: 'pause'; readonly node: NodeId; readonly forMs: number }
  /** Nothing passes between nodes of different sides. */
  | { readonly type: 'split'; readonly sides: readonly (readonly NodeId[])[] }
  /** Nothing passes from one node to another, while the other way stays open. */
  | { readonly type: 'cut-one-way'; readonly from: NodeId; readonly to: NodeId }
  /** Nothing passes between two nodes. */
  | { readonly type: 'cut'; readonly a: NodeId; readonly b: NodeId }
  /** Every cut is mended. */
  | { readonly type: 'heal' }
  /** The node's clock jumps by so much, forwards or back. */
  | { readonly type: 'clock-step'; readonly node: NodeId; readonly byMs: number }
