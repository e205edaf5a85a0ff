import {
  GOSSIP_INTERVAL_MS,
  PARTITION_HOLD_MS,
  SILENT_INTERVALS,
  SUSPECT_MISSED_TICKS,
} from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { OnPartition } from '../../src/limiter/policy.ts'
import { nodesOf } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import {
  B,
  DELTA_S,
  hotKeyStory,
  R,
  type Scenario,
  type Setting,
  setting,
  unseen,
} from './scenario.ts'

const POLICIES: readonly OnPartition[] = ['majority', 'share', 'open', 'closed']
const AT_MS = 1_000
const SPLIT_MS = 30_000

/** How the members, the key's owner first, fall into sides. */
export type Sides = (members: readonly NodeId[]) => readonly (readonly NodeId[])[]

/** The owner's side and the other one. */
export function two(ownerSide: number): Sides {
  return (members) => [members.slice(0, ownerSide), members.slice(ownerSide)]
}

export function allAlone(members: readonly NodeId[]): readonly (readonly NodeId[])[] {
  return members.map((id) => [id])
}

/** Seconds until members suspect each other, and until a stand-in counts a silent peer as gone. */
export const SUSPECT_S = ((SUSPECT_MISSED_TICKS + 1) * GOSSIP_INTERVAL_MS) / 1_000
export const SILENT_S = (SILENT_INTERVALS * GOSSIP_INTERVAL_MS) / 1_000
const HOLD_S = PARTITION_HOLD_MS / 1_000

/**
 * What is admitted before everybody has noticed, by P sides of N members, W the weight of the owner's. Until
 * t the owner enforces the whole limit, while the other sides enforce their shares; and until s a side may
 * think that it lost the owner alone, and take (N - 1)/N for its share.
 */
const UNNOTICED = '(1 - W)(B + R·t) + ((P - 1)(1 - 1/N) - (1 - W))·R·s'
export const FORMULAS: Readonly<Record<OnPartition, string>> = {
  share: UNNOTICED,
  closed: UNNOTICED,
  majority: `${UNNOTICED} + (1 - W_maj)·R·(T - hold)`,
  open: '(P - 1)(B + R·T)',
}

export function boundOfSplit(sides: Sides, splitS: number): (setting: Setting) => number {
  return ({ nodes, onPartition }) => {
    const sizes = sides(nodesOf({ nodes })).map((side) => side.length)
    const others = sizes.length - 1
    if (onPartition === 'open') return others * (B + R * splitS)
    const [ownerSide] = sizes as [number]
    const away = 1 - ownerSide / nodes
    const noticedS = Math.min(SUSPECT_S, splitS + DELTA_S)
    const believed = others * (1 - 1 / nodes) - away
    const unnoticed = away * (B + R * noticedS) + believed * R * Math.min(SILENT_S, splitS)
    const largest = Math.max(...sizes)
    const hasMajority = onPartition === 'majority' && largest * 2 > nodes
    const heldS = hasMajority ? Math.max(0, splitS - HOLD_S) : 0
    return unnoticed + (1 - largest / nodes) * R * heldS
  }
}

export function split(name: string, story: string, nodes: number, sides: Sides): Scenario[] {
  return POLICIES.map((onPartition) => ({
    name: `${name}-${onPartition}`,
    story: `${story}, for 30 s, under ${onPartition}`,
    setting: { nodes, onPartition },
    formula: FORMULAS[onPartition],
    bound: boundOfSplit(sides, SPLIT_MS / 1_000),
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: AT_MS + SPLIT_MS + 3_000,
        plot: (owner, others) => [
          { atMs: AT_MS, type: 'split', sides: sides([owner, ...others]) },
          { atMs: AT_MS + SPLIT_MS, type: 'heal' },
        ],
      }),
  }))
}

/** The network comes apart, whole or in places. */
export const SPLITS: readonly Scenario[] = [
  ...split('split-2-1', 'the owner and one node against one', 3, two(2)),
  ...split('split-1-2', 'the owner against two nodes', 3, two(1)),
  ...split('split-6-4', "six nodes, the owner's side, against four", 10, two(6)),
  ...split('split-5-5', 'five nodes against five', 10, two(5)),
  ...split('split-51-49', "51 nodes, the owner's side, against 49", 100, two(51)),
  ...split('alone-3', 'each of three nodes alone', 3, allAlone),
  ...split('alone-10', 'each of ten nodes alone', 10, allAlone),
  ...split('alone-100', 'each of a hundred nodes alone', 100, allAlone),
  {
    name: 'flapping-split',
    story: 'split and healed every second for a minute',
    setting,
    formula: 'as one split of T + Δ, T = 1 s, under share: debts are paid between cuts',
    bound: boundOfSplit(two(2), 1),
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: AT_MS + 60_000,
        plot: (owner, others) =>
          Array.from({ length: 30 }, (_, turn): Fault[] => [
            { atMs: AT_MS + turn * 2_000, type: 'split', sides: two(2)([owner, ...others]) },
            { atMs: AT_MS + turn * 2_000 + 1_000, type: 'heal' },
          ]).flat(),
      }),
  },
  {
    ...unseen,
    name: 'one-way-cut',
    story: 'nothing passes from the owner to its successor; the other way is open',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: 20_000,
        plot: (owner, [successor]) => [
          { atMs: AT_MS, type: 'cut-one-way', from: owner, to: successor as NodeId },
        ],
      }),
  },
  {
    ...unseen,
    name: 'partial-cut',
    story: 'the owner and its successor cannot talk; both reach the third',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: 20_000,
        plot: (owner, [successor]) => [
          { atMs: AT_MS, type: 'cut', a: owner, b: successor as NodeId },
        ],
      }),
  },
]
