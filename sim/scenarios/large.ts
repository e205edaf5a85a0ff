import type { NodeId } from '../../crdt/node-id.ts'
import type { Experiment } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import {
  B,
  flood,
  hotKeyStory,
  nothing,
  ownerJoins,
  ownerLeaves,
  R,
  type Scenario,
  type Setting,
} from './scenario.ts'
import { split, two } from './splits.ts'

/** More members than all of which hold every key: owner, first and second successor do. */
const setting: Setting = { nodes: 22, onPartition: 'majority' }
const SAFETY_MS = 10_000
const AT_MS = 3_000
/** The holders of a key know its owner's counts, whoever else does not. */
const flushed = {
  formula: 'B/10 + R·50 ms: what one early flush leaves',
  bound: () => B / 10 + R * 0.05,
  setting,
}

/** Keys are held by three nodes of many, and the same faults strike. */
export const LARGE: readonly Scenario[] = [
  {
    ...flushed,
    name: 'large-kill-owner',
    story: 'one of 22 nodes, the owner of a saturated key that it alone was asked for, is killed',
    experiment: (seed, from) => killed(seed, from, 1),
  },
  {
    ...flushed,
    name: 'large-kill-owner-and-successor',
    story: 'the same, and the node next in line dies with it',
    experiment: (seed, from) => killed(seed, from, 2),
  },
  {
    name: 'large-kill-all-holders',
    story: 'the same, and both nodes next in line die with it: nobody is left who knows',
    setting,
    formula: 'B: the next in line begins with a full burst',
    bound: () => B,
    experiment: (seed, from) => killed(seed, from, 3),
  },
  ...split(
    'large-split',
    '13 nodes, the holders of the key among them, against 13',
    26,
    two(13),
  ).slice(0, 1),
  {
    ...nothing,
    setting,
    name: 'large-join-saturated',
    story: 'a node joins 21 others and takes the saturated key over from its owner',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: ownerJoins,
      }),
  },
  {
    ...nothing,
    setting,
    name: 'large-leave-saturated',
    story: 'the owner of the saturated key leaves 21 others in order',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: ownerLeaves,
      }),
  },
  {
    ...nothing,
    setting: { nodes: 21, onPartition: 'majority' },
    name: 'large-grow-and-shrink',
    story: '15 nodes, who all hold a key, become 21, of whom three do, and then 11, who all do',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: LEAVES_MS + from.nodes * LEAVE_EVERY_MS,
        plot: (owner, others) => growAndShrink([owner, ...others]),
      }),
  },
]

/** The first nodes in line die at once. Until then the owner alone is asked, so nobody is told by replies. */
function killed(seed: number, from: Setting, nodes: number): Experiment {
  let owner: NodeId | undefined
  const story = hotKeyStory(seed, from, {
    safetyMs: SAFETY_MS,
    plot: (first, successors) => {
      owner = first
      const dying = [first, ...successors].slice(0, nodes)
      return dying.map((node) => ({ atMs: AT_MS, type: 'kill', node }))
    },
  })
  const origins = owner === undefined ? [] : [owner]
  return {
    ...story,
    workload: [{ ...flood('hot', 0, AT_MS), origins }, flood('hot', AT_MS, SAFETY_MS)],
  }
}

const FEW = 15
const FEWER = 11
const JOINS_MS = 5_000
const JOIN_EVERY_MS = 1_000
const LEAVES_MS = 13_000
const LEAVE_EVERY_MS = 1_200

/** Whoever comes takes the key over, and so does who is next in line of whoever goes. */
function growAndShrink(order: readonly NodeId[]): Fault[] {
  const joining = order.slice(0, order.length - FEW)
  const leaving = order.slice(0, order.length - FEWER)
  return [
    ...joining.map((node): Fault => ({ atMs: 0, type: 'kill', node })),
    ...joining.toReversed().map((node, turn): Fault => {
      return { atMs: JOINS_MS + turn * JOIN_EVERY_MS, type: 'start', node }
    }),
    ...leaving.map((node, turn): Fault => {
      return { atMs: LEAVES_MS + turn * LEAVE_EVERY_MS, type: 'leave', node, drainMs: 1_000 }
    }),
  ]
}
