import { SCENARIOS } from '../../../sim/scenarios/all.ts'
import type { Setting } from '../../../sim/scenarios/scenario.ts'
import type { LimitPolicy } from '../../../src/limiter/policy.ts'
import type { ChaosCluster } from '../cluster.ts'
import type { GroundName } from '../ground.ts'

/** One way in which a cluster is hurt, again and again in its life, and what that may cost. */
export interface Fault {
  readonly name: string
  /** What happens, in a few words. */
  readonly story: string
  readonly on: GroundName
  readonly rule: 'demo' | 'shared' | 'changing'
  /** The scenario of the simulator that tells the same. */
  readonly scenario?: string
  /** The bound on the overshoot, in the symbols of docs/guarantees.md. */
  readonly formula: string
  /** The same in tokens, when what was done lasted so long. */
  bound(lastedMs: number): number
  /** So many nodes are hurt one after the other; it is injected that much less often. */
  readonly inARow?: number
  /** Nodes join in the course of it: each that begins without what others know may cost B + R·Δ more. */
  readonly joins?: true
  /** For how long clients ask before the strike; without it the key is saturated by then. */
  readonly leadMs?: number
  /** From one check of a client to its next. */
  readonly paceMs?: number
  /** What happens before clients ask. */
  prepare?(stage: Stage): Promise<void>
  /** Does what the story says. The cluster need not be whole afterwards. */
  strike(stage: Stage): Promise<Struck | undefined>
}

export interface Stage {
  readonly cluster: ChaosCluster
  readonly owner: string
  /** The others, in the order in which they would take over. */
  readonly successors: readonly string[]
  after(ms: number): Promise<void>
  /** On the clock of `Seen`. */
  nowMs(): number
}

/** What a judge has to know beside what clients saw. */
export interface Struck {
  /** From the strike until the cluster was whole again; 0 if it makes no difference. */
  readonly lastedMs?: number
  /** When no node was alive. */
  readonly outage?: Span
  /** Spans with limits of their own; otherwise all is judged by one. */
  readonly spans?: readonly (Span & { readonly limit: LimitPolicy })[]
}

export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** Most faults: nothing is done to the network, and the limit is the usual one. */
export const usual = { on: 'loopback', rule: 'demo' } as const satisfies Partial<Fault>
/** Nodes of a cluster on each ground: enough for an owner and its successor to go, or for a majority. */
export const NODES: Readonly<Record<GroundName, number>> = { loopback: 4, proxied: 3, cables: 3 }

/** The bound that a scenario of the simulator has in such a cluster. */
export function asIn(name: string, { nodes = 4, onPartition = 'majority' }: Partial<Setting> = {}) {
  const scenario = SCENARIOS.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`the simulator has no scenario ${name}`)
  const { formula } = scenario
  return { scenario: name, formula, bound: () => scenario.bound({ nodes, onPartition }) }
}

/** The first successor. */
export function next({ successors }: Stage): string {
  const [first] = successors
  if (first === undefined) throw new Error('this fault needs two nodes')
  return first
}
