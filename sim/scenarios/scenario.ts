import type { NodeId } from '../../crdt/node-id.ts'
import type { OnPartition, Rule } from '../../src/limiter/policy.ts'
import { type Experiment, preferenceOf } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import type { Arrivals, Flow } from '../workload.ts'

/** One story about a fault, and how much it may cost. */
export interface Scenario {
  readonly name: string
  /** What happens, in a few words. */
  readonly story: string
  /** The cluster the story is usually told of. */
  readonly setting: Setting
  /** The bound on the overshoot, in the symbols of docs/guarantees.md. */
  readonly formula: string
  /** The same in tokens. */
  bound(setting: Setting): number
  experiment(seed: number, setting: Setting): Experiment
}

export interface Setting {
  readonly nodes: number
  readonly onPartition: OnPartition
}

/** Three nodes: the cluster that most stories are told of. */
export const setting: Setting = { nodes: 3, onPartition: 'majority' }

/** Rate in tokens per second and burst in tokens of the rule in most stories. */
export const R = 100
export const B = 100
/** Seconds until an admission is known to the others: a gossip interval and the network's delay. */
export const DELTA_S = 0.51

/** One decider at every time, and it knows all that was admitted before. */
export const nothing = { formula: '0', bound: () => 0, setting }
/** A second decider that knows nothing of what the first one admits, until it is told. */
export const unseen = { formula: 'B + R·Δ', bound: () => B + R * DELTA_S, setting }

/** The limit that most stories are about: R = B = 100. */
export function demoRule(onPartition: OnPartition): Rule {
  const limit = { rate: { count: R, periodMs: 1_000 }, burst: B }
  return { name: 'demo', limits: [limit], onPartition }
}

/** Checks of one key at ten times its rate, at random nodes. */
export function flood(key: string, fromMs: number, untilMs: number): Flow {
  const arrivals: Arrivals = { type: 'steady', everyMs: 1 }
  return {
    rule: 'demo',
    keys: { name: key, count: 1 },
    fromMs,
    untilMs,
    arrivals,
    origins: 'anywhere',
  }
}

/** A key's owner, and everybody else in the order in which they would take over. */
export type Plot = (owner: NodeId, successors: readonly NodeId[]) => readonly Fault[]

/** The owner joins late: whoever owns the key with all nodes up is the one that comes last. */
export const ownerJoins: Plot = (node) => [
  { atMs: 0, type: 'kill', node },
  { atMs: 6_000, type: 'start', node },
]

/** The owner leaves in order. */
export const ownerLeaves: Plot = (node) => [{ atMs: 4_000, type: 'leave', node, drainMs: 1_000 }]

/** Most stories: one hot key, flooded all the time, and faults that aim at its owner. */
export function hotKeyStory(
  seed: number,
  { nodes, onPartition }: Setting,
  {
    safetyMs,
    plot = () => [],
    ...more
  }: { readonly safetyMs: number; readonly plot?: Plot } & Partial<Experiment>,
): Experiment {
  const rule = demoRule(onPartition)
  const [owner, ...successors] = preferenceOf({ seed, nodes }, rule, 'hot')
  const faults = plot(owner as NodeId, successors)
  return {
    seed,
    nodes,
    rules: [rule],
    faults,
    workload: [flood('hot', 0, safetyMs)],
    safetyMs,
    ...more,
  }
}
