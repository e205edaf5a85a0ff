import type { NodeId } from '../../crdt/node-id.ts'
import type { Fault } from '../fault.ts'
import {
  B,
  demoRule,
  hotKeyStory,
  nothing,
  ownerJoins,
  ownerLeaves,
  R,
  type Scenario,
  type Setting,
  setting,
  unseen,
} from './scenario.ts'

const SAFETY_MS = 12_000

/** Members come and go while a key is saturated. */
export const JOINS_AND_LEAVES: readonly Scenario[] = [
  {
    ...nothing,
    name: 'join-saturated',
    story: 'a node joins and takes the saturated key over from its owner',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: ownerJoins,
      }),
  },
  {
    ...nothing,
    name: 'leave-saturated',
    story: 'the owner of the saturated key leaves in order',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: ownerLeaves,
      }),
  },
  {
    ...unseen,
    name: 'churn',
    story: 'three nodes join and two leave within 2 s',
    setting: { nodes: 7, onPartition: 'majority' },
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (owner, others) => churn([owner, ...others]),
      }),
  },
  {
    ...unseen,
    name: 'leave-to-dying-successor',
    story: 'the owner leaves, and the node that takes over is killed while it does',
    setting: { nodes: 4, onPartition: 'majority' },
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (owner, [successor]) => [
          { atMs: 4_000, type: 'leave', node: owner, drainMs: 1_000 },
          { atMs: 4_001, type: 'kill', node: successor as NodeId },
        ],
      }),
  },
  {
    name: 'rule-change-in-split',
    story: 'during a split the two nodes of one side are restarted with a tenth of the rate',
    setting,
    formula: 'B + W·(B + R·T) of the side that was not told',
    bound: ({ nodes }) => B + (B + R * 20) / nodes,
    experiment: (seed, from) => ({
      ...hotKeyStory(seed, from, {
        safetyMs: 24_000,
        plot: (owner, others) => [
          { atMs: 1_000, type: 'split', sides: [[owner], others] },
          ...others.flatMap((node, turn): Fault[] => [
            { atMs: 3_000 + turn * 3_000, type: 'kill', node },
            { atMs: 3_100 + turn * 3_000, type: 'start', node, rules: [slower(from)] },
          ]),
          { atMs: 21_000, type: 'heal' },
        ],
      }),
    }),
  },
]

/** The last three are down at first; two of the others leave while those three come. */
function churn(order: readonly NodeId[]): Fault[] {
  const joining = order.slice(-3)
  const leaving = order.slice(0, 2)
  return [
    ...joining.map((node): Fault => ({ atMs: 0, type: 'kill', node })),
    ...joining.map((node, turn): Fault => ({ atMs: 6_000 + turn * 700, type: 'start', node })),
    ...leaving.map(
      (node, turn): Fault => ({ atMs: 6_300 + turn * 900, type: 'leave', node, drainMs: 1_000 }),
    ),
  ]
}

function slower({ onPartition }: Setting) {
  const rule = demoRule(onPartition)
  return { ...rule, limits: [{ rate: { count: R / 10, periodMs: 1_000 }, burst: B }] }
}
