import type { NodeId } from '../../crdt/node-id.ts'
import { quotaOf } from '../../src/limiter/local-mode.ts'
import type { Experiment } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import type { Flow } from '../workload.ts'
import {
  B,
  flood,
  hotKeyStory,
  type Plot,
  type Scenario,
  type Setting,
  setting,
} from './scenario.ts'
import { allAlone, two } from './splits.ts'

const SAFETY_MS = 12_000
const AT_MS = 3_000
const SPLIT_MS = 12_000

/** So often everything is asked for at once everywhere: all have heard of the last time, and somewhat more than a quota has drained. */
const EVERY_MS = 450

/** A key that every node decides: flooded from `floodedFromMs` on, and before that asked for in bursts. */
function everywhere(
  seed: number,
  from: Setting,
  more: Partial<Experiment> & { readonly plot?: Plot; readonly floodedFromMs?: number; readonly everyMs?: number } = {},
): Experiment {
  const { floodedFromMs = Number.POSITIVE_INFINITY, everyMs = EVERY_MS, ...others } = more
  const { safetyMs = SAFETY_MS, ...rest } = others
  const workload: Flow[] = [
    {
      ...flood('hot', 0, Math.min(safetyMs, floodedFromMs)),
      arrivals: { type: 'bursts', checks: 3 * B, everyMs },
    },
    ...(floodedFromMs < safetyMs ? [flood('hot', floodedFromMs, safetyMs)] : []),
  ]
  const story = hotKeyStory(seed, from, { workload, safetyMs, ...rest })
  return { ...story, rules: story.rules.map((rule) => ({ ...rule, local: true })) }
}

const bounded = {
  setting,
  formula: '(N - 1)·q, q = B/N',
  bound: ({ nodes }: Setting) => (nodes - 1) * quotaOf(B, nodes),
}

/** Somebody dies with a quota that nobody has heard of, or q is that of fewer members for a moment. */
const changing = {
  setting,
  formula: '(N - 2)·B/(N - 1) + B/N',
  bound: ({ nodes }: Setting) => (nodes - 2) * quotaOf(B, nodes - 1) + quotaOf(B, nodes),
}

function apart(name: string, story: string, nodes: number, sides: Plot): Scenario {
  return {
    ...bounded,
    setting: { ...setting, nodes },
    name,
    story: `${story}, for ${SPLIT_MS / 1_000} s, while the key is flooded`,
    experiment: (seed, from) =>
      everywhere(seed, from, {
        floodedFromMs: AT_MS - 500,
        safetyMs: AT_MS + SPLIT_MS + 5_000,
        plot: (owner, others) => [
          ...sides(owner, others),
          { atMs: AT_MS + SPLIT_MS, type: 'heal' },
        ],
      }),
  }
}

function split(sides: (members: readonly NodeId[]) => readonly (readonly NodeId[])[]): Plot {
  return (owner, others): Fault[] => [
    { atMs: AT_MS, type: 'split', sides: sides([owner, ...others]) },
  ]
}

/** Rules that every node decides: what a network does costs no more than what nodes may be ahead of each other. */
export const LOCAL: readonly Scenario[] = [
  {
    ...bounded,
    name: 'local-bursts',
    story: 'no fault, a key that all nodes decide, asked for in bursts',
    experiment: (seed, from) => everywhere(seed, from),
  },
  {
    ...bounded,
    name: 'local-flood',
    story: 'no fault, the same key, asked for ten times as often as it may be',
    experiment: (seed, from) => everywhere(seed, from, { floodedFromMs: AT_MS }),
  },
  {
    ...bounded,
    name: 'local-slow-links',
    story: 'messages take 100 to 400 ms, and bursts are some round trips apart',
    experiment: (seed, from) =>
      everywhere(seed, from, { everyMs: 1_300, network: { delay: { minMs: 100, maxMs: 400 } } }),
  },
  {
    ...bounded,
    name: 'local-lossy',
    story: 'half of all gossip is lost',
    experiment: (seed, from) => everywhere(seed, from, { network: { gossipLoss: 0.5 } }),
  },
  apart('local-split-2-1', 'two nodes against one', 3, split(two(2))),
  apart('local-split-2-2', 'two nodes against two', 4, split(two(2))),
  apart('local-alone-5', 'each of five nodes alone', 5, split(allAlone)),
  apart('local-cut-two', 'two of three nodes do not reach each other', 3, (owner, [other]) => [
    { atMs: AT_MS, type: 'cut', a: owner, b: other as NodeId },
  ]),
  apart('local-cut-one-way', 'one node hears another, who does not hear it', 3, (owner, [other]) => [
    { atMs: AT_MS, type: 'cut-one-way', from: owner, to: other as NodeId },
  ]),
  {
    ...bounded,
    name: 'local-flapping',
    story: 'two nodes against one, split and healed every 1.5 s, while the key is flooded',
    experiment: (seed, from) =>
      everywhere(seed, from, {
        floodedFromMs: AT_MS - 500,
        safetyMs: 20_000,
        plot: (owner, others) =>
          Array.from({ length: 10 }, (_, turn): Fault[] => [
            { atMs: AT_MS + turn * 1_500, type: 'split', sides: two(2)([owner, ...others]) },
            { atMs: AT_MS + turn * 1_500 + 900, type: 'heal' },
          ]).flat(),
      }),
  },
  {
    ...bounded,
    name: 'local-pause',
    story: 'a node stops for 3 s, and goes on, while the key is flooded',
    experiment: (seed, from) =>
      everywhere(seed, from, {
        floodedFromMs: AT_MS - 500,
        plot: (node) => [{ atMs: AT_MS, type: 'pause', node, forMs: 3_000 }],
      }),
  },
  {
    ...changing,
    name: 'local-restart',
    story: 'a node is killed and starts again, while the key is asked for in bursts',
    experiment: (seed, from) =>
      everywhere(seed, from, {
        plot: (node) => [
          { atMs: AT_MS, type: 'kill', node },
          { atMs: AT_MS + 3_000, type: 'start', node },
        ],
      }),
  },
  {
    ...changing,
    name: 'local-leave',
    story: 'a node leaves in order, while the key is flooded',
    experiment: (seed, from) =>
      everywhere(seed, from, {
        floodedFromMs: AT_MS - 500,
        plot: (node) => [{ atMs: AT_MS, type: 'leave', node, drainMs: 1_000 }],
      }),
  },
]
