import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { overshootBound } from '../../cluster/partition-policy.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { OnPartition } from '../../src/limiter/policy.ts'
import type { Fault } from '../fault.ts'
import { B, DELTA_S, hotKeyStory, R, type Scenario, type Setting } from './scenario.ts'

const POLICIES: readonly OnPartition[] = ['majority', 'share', 'open', 'closed']
const AT_MS = 1_000
const SPLIT_MS = 30_000

/** How the members, the key's owner first, fall into sides. */
type Sides = (members: readonly NodeId[]) => readonly (readonly NodeId[])[]

/** The owner's side and the other one. */
function two(ownerSide: number): Sides {
  return (members) => [members.slice(0, ownerSide), members.slice(ownerSide)]
}

function allAlone(members: readonly NodeId[]): readonly (readonly NodeId[])[] {
  return members.map((id) => [id])
}

const FORMULAS: Readonly<Record<OnPartition, string>> = {
  share: '(1 - 1/N)(B + R·t) + k·R·s',
  closed: '(1 - 1/N)(B + R·t) + k·R·s',
  majority: '(1 - 1/N)(B + R·t) + k·R·s + R/2·(T - hold)',
  open: 'k(B + R·T)',
}

/**
 * What all answers of a split of this length promise together. `sides` tells how many members each node of
 * the smallest side loses: the bound is what the node that knows least would state.
 */
function stated(sides: Sides): (setting: Setting) => number {
  return ({ nodes, onPartition }) => {
    const members = Array.from({ length: nodes }, (_, index) => `n${index}` as NodeId)
    const smallest = Math.min(...sides(members).map((side) => side.length))
    return overshootBound(
      onPartition,
      { reached: smallest, members: nodes, splitForMs: SPLIT_MS },
      { tokensPerMs: R / 1_000, burst: B },
      GOSSIP_INTERVAL_MS,
    )
  }
}

function split(name: string, story: string, nodes: number, sides: Sides): Scenario[] {
  return POLICIES.map((onPartition) => ({
    name: `${name}-${onPartition}`,
    story: `${story}, for 30 s, under ${onPartition}`,
    setting: { nodes, onPartition },
    formula: FORMULAS[onPartition],
    bound: stated(sides),
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

const setting: Setting = { nodes: 3, onPartition: 'majority' }
const unseen = { formula: 'B + R·Δ', bound: () => B + R * DELTA_S, setting }

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
    formula: '(1 - 1/N)(B + R·t) + k·R·s, once: debts are paid between cuts',
    bound: stated(two(2)),
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
