import type { NodeId } from '../crdt/node-id.ts'
import type { Rule } from '../src/limiter/policy.ts'
import type { DiskHarm } from './disk.ts'
import type { Lie } from './lie.ts'

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
  /** A new life of a node that is down, without memory of the last one; with other rules, if given. */
  | { readonly type: 'start'; readonly node: NodeId; readonly rules?: readonly Rule[] }
  /** The process is asked to go: it hands over, forwards for a while, and ends. */
  | { readonly type: 'leave'; readonly node: NodeId; readonly drainMs: number }
  /** The process stops and goes on later, as under SIGSTOP or a long garbage collection. */
  | { readonly type: 'pause'; readonly node: NodeId; readonly forMs: number }
  /** For a while the process takes so long for every frame, check and tick. */
  | {
      readonly type: 'slow'
      readonly node: NodeId
      readonly inputMs: number
      readonly forMs: number
    }
  /** What goes from one node to another is held for so long, and then comes all at once. */
  | {
      readonly type: 'clog'
      readonly from: NodeId
      readonly to: NodeId
      readonly forMs: number
    }
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
  /** The disk takes nothing for so long; who waits for it, waits. */
  | { readonly type: 'disk-hang'; readonly node: NodeId; readonly forMs: number }
  /** What the disk said was safe is not: see `disk.ts`. */
  | { readonly type: 'disk-loss'; readonly node: NodeId; readonly harm: DiskHarm }
  /** The node reads its rules again, and they say the same. */
  | { readonly type: 'reload'; readonly node: NodeId }
  /** A burst that is timed to be forgotten: see `ambush.ts`. */
  | ({ readonly type: 'ambush' } & Ambush)
  /** From now on the node does not say what it means: see `lie.ts`. */
  | { readonly type: 'lie'; readonly node: NodeId; readonly lie: Lie }

/** A whole burst of checks at one node, in the one moment in which nobody else will hear of them. */
export interface Ambush {
  readonly node: NodeId
  readonly rule: string
  readonly key: string
  /** Checks asked at once at the node's own door. */
  readonly checks: number
}
