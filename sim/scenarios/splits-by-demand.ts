import type { NodeId } from '../../crdt/node-id.ts'
import type { PartitionWeights } from '../../src/limiter/policy.ts'
import type { Experiment } from '../experiment.ts'
import type { Flow } from '../workload.ts'
import { B, flood, hotKeyStory, R, type Scenario, type Setting } from './scenario.ts'
import { boundOfSplit, FORMULAS, SILENT_S, type Sides, SUSPECT_S, two } from './splits.ts'

/** Long enough for weights to follow demand twice. */
export const AT_MS = 16_000
export const SPLIT_MS = 20_000
const SAFETY_MS = AT_MS + SPLIT_MS + 3_000
/** Checks a second of a demand that an ideal limiter refuses nothing of. */
const GENTLE = 0.9 * R
/** Of what it has by nodes, the least that a side has by demand. */
const FLOOR = 0.2

/** Checks of a demand within the limit, all at these nodes. */
function gentle(origins: readonly NodeId[], untilMs: number): Flow {
  const arrivals = { type: 'steady', everyMs: 1_000 / GENTLE } as const
  return { ...flood('hot', 0, untilMs), arrivals, origins }
}

function byDemand(story: Experiment, partitionWeights: PartitionWeights): Experiment {
  return { ...story, rules: story.rules.map((rule) => ({ ...rule, partitionWeights })) }
}

/** The owner's side of n nodes weighs W at least; the other one may take everything until s. */
const UNNOTICED = '(1 - W)(B + R·t) + W·R·s, W = 0.2·n/N'
function boundByDemand(sides: Sides): (setting: Setting) => number {
  return ({ nodes }) => {
    const [ownerSide = []] = sides(Array.from({ length: nodes }, (_, at) => `${at}` as NodeId))
    const least = (FLOOR * ownerSide.length) / nodes
    return (1 - least) * (B + R * SUSPECT_S) + least * R * SILENT_S
  }
}

/** All clients are at the smaller side; `moves`: until it is cut off, and then both sides are flooded. */
function asked(
  name: string,
  nodes: number,
  ownerSide: number,
  weights: PartitionWeights,
  moves = false,
): Scenario {
  const sides = two(ownerSide)
  const during = moves ? ', until both are flooded' : ''
  return {
    name: `${name}-${nodes}-${weights}`,
    story: `${ownerSide} nodes, the owner's side, against ${nodes - ownerSide}, where all clients are${during}; for 20 s, share by ${weights}`,
    setting: { nodes, onPartition: 'share' },
    formula: weights === 'demand' ? UNNOTICED : FORMULAS.share,
    bound: weights === 'demand' ? boundByDemand(sides) : boundOfSplit(sides, SPLIT_MS / 1_000),
    experiment: (seed, from) => {
      let origins: readonly NodeId[] = []
      const story = hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (owner, others) => {
          const [near, far] = sides([owner, ...others]) as [readonly NodeId[], readonly NodeId[]]
          origins = far
          return [
            { atMs: AT_MS, type: 'split', sides: [near, far] },
            { atMs: AT_MS + SPLIT_MS, type: 'heal' },
          ]
        },
      })
      const workload = moves
        ? [gentle(origins, AT_MS), flood('hot', AT_MS, SAFETY_MS)]
        : [gentle(origins, SAFETY_MS)]
      return byDemand({ ...story, workload }, weights)
    },
  }
}

/** A network comes apart between the owner of a key and its clients. */
export const SPLITS_BY_DEMAND: readonly Scenario[] = [
  asked('clients-cut-off', 3, 2, 'nodes'),
  asked('clients-cut-off', 3, 2, 'demand'),
  asked('clients-cut-off', 10, 6, 'nodes'),
  asked('clients-cut-off', 10, 6, 'demand'),
  asked('clients-move', 10, 6, 'demand', true),
]
