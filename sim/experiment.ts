import { Placement } from '../cluster/placement.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { ruleHasher } from '../src/limiter/key-hash.ts'
import type { Rule } from '../src/limiter/policy.ts'
import type { Fault } from './fault.ts'
import { hashKeyOf, nodeName, type SimulationOptions } from './simulation.ts'
import type { Flow } from './workload.ts'

/**
 * Everything that determines a run, as plain data: it can be drawn from a seed, written to a file, made
 * smaller, and run again. Times of faults and flows count from when the cluster is ready.
 */
export interface Experiment
  extends Pick<
    SimulationOptions,
    | 'seed'
    | 'nodes'
    | 'rules'
    | 'network'
    | 'keysMax'
    | 'gossipIntervalMs'
    | 'copies'
    | 'clockOffsetsMs'
    | 'clockDriftsPpm'
  > {
  readonly faults: readonly Fault[]
  readonly workload: readonly Flow[]
  /** How long faults may strike. Then everything is mended and the cluster has to recover. */
  readonly safetyMs: number
}

/** A cluster of this size is up, joined and in step after this long. */
export const READY_MS = 4_000

/** The names of an experiment's nodes. */
export function nodesOf({ nodes }: Pick<Experiment, 'nodes'>): NodeId[] {
  return Array.from({ length: nodes }, (_, index) => nodeName(index))
}

/** The preference list of a key while all nodes are up: its owner, the first successor, the second … */
export function preferenceOf(
  { seed, nodes }: Pick<Experiment, 'seed' | 'nodes'>,
  rule: Rule,
  key: string,
): NodeId[] {
  const { hi } = ruleHasher(hashKeyOf(seed), rule.name).hash(key)
  return new Placement(nodesOf({ nodes })).preference(hi, nodes)
}

/** Nodes that faults are about although the cluster has no such node. */
export function strangersIn(experiment: Pick<Experiment, 'nodes' | 'faults'>): NodeId[] {
  const known = new Set(nodesOf(experiment))
  return experiment.faults.flatMap(namedBy).filter((id) => !known.has(id))
}

function namedBy(fault: Fault): readonly NodeId[] {
  if ('node' in fault) return [fault.node]
  if ('from' in fault) return [fault.from, fault.to]
  if ('a' in fault) return [fault.a, fault.b]
  return 'sides' in fault ? fault.sides.flat() : []
}
