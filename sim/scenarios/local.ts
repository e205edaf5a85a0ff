import type { NodeId } from '../../crdt/node-id.ts'
import { quotaOf } from '../../src/limiter/local-mode.ts'
import type { Experiment } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import {
  B,
  flood,
  hotKeyStory,
  type Plot,
  R,
  type Scenario,
  type Setting,
  setting,
} from './scenario.ts'
import { allAlone, type Sides, two } from './splits.ts'

const SAFETY_MS = 6_000
const AT_MS = 2_000
const SPLIT_MS = 6_000

/** So often everything is asked for at once everywhere: all have heard of the last time, and more than a quota has drained. */
const EVERY_MS = 450
/** The same where messages take long. */
const SLOW_EVERY_MS = 700
/** Clocks are this far apart, in seconds. */
const APART_S = 0.1

/** A key that every node decides, asked for in bursts of more than there is. */
function everywhere(
  seed: number,
  from: Setting,
  more: Partial<Experiment> & { readonly plot?: Plot; readonly everyMs?: number } = {},
): Experiment {
  const { everyMs = EVERY_MS, safetyMs = SAFETY_MS, ...rest } = more
  const bursts = { type: 'bursts', checks: 1.5 * B, everyMs } as const
  const workload = [{ ...flood('hot', 0, safetyMs), arrivals: bursts }]
  const story = hotKeyStory(seed, from, { workload, safetyMs, ...rest })
  return { ...story, rules: story.rules.map((rule) => ({ ...rule, local: true })) }
}

function ahead({ nodes }: Setting): number {
  return (nodes - 1) * quotaOf(B, nodes)
}

const bounded = { setting, formula: '(N - 1)·q, q = B/N', bound: ahead }

/** Somebody dies with a quota that nobody has heard of, or q is that of fewer members for a moment. */
const changing = {
  setting,
  formula: '(N - 2)·B/(N - 1) + B/N',
  bound: ({ nodes }: Setting) => (nodes - 2) * quotaOf(B, nodes - 1) + quotaOf(B, nodes),
}

function apart(name: string, story: string, nodes: number, begin: Plot): Scenario {
  return {
    ...bounded,
    setting: { ...setting, nodes },
    name,
    story: `${story}, for ${SPLIT_MS / 1_000} s`,
    experiment: (seed, from) =>
      everywhere(seed, from, {
        safetyMs: AT_MS + SPLIT_MS + 3_000,
        plot: (owner, others) => [
          ...begin(owner, others),
          { atMs: AT_MS + SPLIT_MS, type: 'heal' },
        ],
      }),
  }
}

function split(sides: Sides): Plot {
  return (owner, others) => [{ atMs: AT_MS, type: 'split', sides: sides([owner, ...others]) }]
}

/** Split and healed again and again, for less and for more than an acknowledgement is good. */
const flapping: Plot = (owner, others) =>
  [700, 900, 1_100, 1_300].flatMap((forMs, turn): Fault[] => [
    { atMs: AT_MS + turn * 2_000, type: 'split', sides: two(2)([owner, ...others]) },
    { atMs: AT_MS + turn * 2_000 + forMs, type: 'heal' },
  ])

/** Rules that every node decides: whatever the network does costs no more than what nodes may be ahead of each other. */
export const LOCAL: readonly Scenario[] = [
  {
    ...bounded,
    name: 'local-bursts',
    story: 'no fault, a key that all nodes decide, asked for in bursts of more than there is',
    experiment: (seed, from) => everywhere(seed, from),
  },
  {
    ...bounded,
    name: 'local-flood',
    story: 'the same key, asked for ten times as often as it may be',
    experiment: (seed, from) => everywhere(seed, from, { workload: [flood('hot', 0, SAFETY_MS)] }),
  },
  {
    ...bounded,
    name: 'local-slow-links',
    story: 'the same key in bursts, while messages take 50 to 150 ms',
    experiment: (seed, from) =>
      everywhere(seed, from, {
        everyMs: SLOW_EVERY_MS,
        network: { delay: { minMs: 50, maxMs: 150 } },
      }),
  },
  {
    ...bounded,
    name: 'local-lossy',
    story: 'the same, while half of all gossip is lost',
    experiment: (seed, from) => everywhere(seed, from, { network: { gossipLoss: 0.5 } }),
  },
  {
    setting,
    name: 'local-clocks',
    story: 'the same, while clocks differ by up to 100 ms',
    formula: '(N - 1)·q + 2·e·R, e = 100 ms',
    bound: (from) => ahead(from) + 2 * APART_S * R,
    experiment: (seed, from) => everywhere(seed, from, { clockOffsetsMs: [0, 50, -50] }),
  },
  apart('local-split-2-1', 'the same, two nodes against one', 3, split(two(2))),
  apart('local-split-2-2', 'two nodes against two', 4, split(two(2))),
  apart('local-alone-5', 'each of five nodes alone', 5, split(allAlone)),
  apart('local-cut-two', 'two of three nodes do not reach each other', 3, (owner, [other]) => [
    { atMs: AT_MS, type: 'cut', a: owner, b: other as NodeId },
  ]),
  apart('local-cut-one-way', 'a node is no longer heard by another one', 3, (owner, [other]) => [
    { atMs: AT_MS, type: 'cut-one-way', from: owner, to: other as NodeId },
  ]),
  {
    ...bounded,
    name: 'local-flapping',
    story: 'two nodes against one, split for 0.7 to 1.3 s and healed, four times',
    experiment: (seed, from) => everywhere(seed, from, { safetyMs: AT_MS + 9_000, plot: flapping }),
  },
  {
    ...bounded,
    name: 'local-pause',
    story: 'a node stops for 2 s, and goes on',
    experiment: (seed, from) =>
      everywhere(seed, from, {
        plot: (node) => [{ atMs: AT_MS, type: 'pause', node, forMs: 2_000 }],
      }),
  },
  {
    ...changing,
    name: 'local-restart',
    story: 'a node is killed and starts again',
    experiment: (seed, from) =>
      everywhere(seed, from, {
        plot: (node) => [
          { atMs: AT_MS, type: 'kill', node },
          { atMs: AT_MS + 2_000, type: 'start', node },
        ],
      }),
  },
  {
    ...changing,
    name: 'local-leave',
    story: 'a node leaves in order',
    experiment: (seed, from) =>
      everywhere(seed, from, {
        plot: (node) => [{ atMs: AT_MS, type: 'leave', node, drainMs: 1_000 }],
      }),
  },
]
