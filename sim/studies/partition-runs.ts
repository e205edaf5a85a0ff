import type { OnPartition } from '../../src/limiter/policy.ts'
import { allAlone, boundOfSplit, FORMULAS, type Sides, two } from '../scenarios/splits.ts'
import { runSplit, SPLIT_MS, type SplitRun } from './split-run.ts'
import { Steps } from './steps.ts'
import type { StudyProgress } from './study.ts'

/** Demand that shows the bound, as a multiple of the limit: every side alone has more than enough. */
const FLOOD = 10

/** How the cluster comes apart. */
export interface Split {
  readonly id: 'two-sides' | 'alone'
  /** In a few words, such as `6 against 4`. */
  readonly name: string
  readonly sides: Sides
  readonly ownerSide: number
}

/** A policy in a split that everybody floods, so that its bound is put to the test. */
export interface FloodRun {
  readonly split: Split
  readonly policy: OnPartition
  readonly formula: string
  /** Tokens. */
  readonly bound: number
  readonly run: SplitRun
}

/** A policy in a split of two sides, when all that is asked is what the limit allows. */
export interface GentleRun {
  readonly policy: OnPartition
  readonly even: SplitRun
  readonly onOwnerSide: SplitRun
  readonly onOtherSide: SplitRun
  readonly alone: SplitRun
}

/** Every policy in every split, flooded; and in a split of two sides, asked for no more than the limit. */
export function measureSplits(
  { seed, nodes }: { readonly seed: number; readonly nodes: number },
  policies: readonly OnPartition[],
  progress: StudyProgress,
): readonly [readonly FloodRun[], readonly GentleRun[]] {
  const splits = splitsOf(nodes)
  const steps = new Steps(policies.length * (splits.length + 1), progress)
  const floods = splits.flatMap((split) =>
    policies.map((policy): FloodRun => {
      const { name, sides } = split
      steps.begin(`${name}, ${policy}`)
      const demand = { demand: 'even', demandPerRate: FLOOD } as const
      const run = runSplit({ seed, nodes, onPartition: policy, sides, ...demand }, steps)
      const bound = boundOfSplit(sides, SPLIT_MS / 1_000)({ nodes, onPartition: policy })
      return { split, policy, formula: FORMULAS[policy], bound, run }
    }),
  )
  const gentle = policies.map((policy): GentleRun => {
    steps.begin(`refusals, ${policy}`)
    const at = (sides: Sides, demand: 'even' | 'owner side' | 'other side') =>
      runSplit({ seed, nodes, onPartition: policy, sides, demand, demandPerRate: 1 }, steps)
    const sides = two(majorityOf(nodes))
    return {
      policy,
      even: at(sides, 'even'),
      onOwnerSide: at(sides, 'owner side'),
      onOtherSide: at(sides, 'other side'),
      alone: at(allAlone, 'even'),
    }
  })
  return [floods, gentle]
}

function splitsOf(nodes: number): Split[] {
  const most = majorityOf(nodes)
  const twoSides: Split = {
    id: 'two-sides',
    name: `${most} against ${nodes - most}`,
    sides: two(most),
    ownerSide: most,
  }
  const alone: Split = { id: 'alone', name: 'each alone', sides: allAlone, ownerSide: 1 }
  // Two nodes have no third way.
  return nodes === 2 ? [alone] : [twoSides, alone]
}

/** The least number of nodes that is more than half; of two, one is all that can be cut off. */
function majorityOf(nodes: number): number {
  return Math.min(nodes - 1, Math.floor(nodes / 2) + 1)
}
