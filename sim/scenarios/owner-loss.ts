import type { NodeId } from '../../crdt/node-id.ts'
import type { Experiment } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import {
  B,
  flood,
  hotKeyStory,
  nothing,
  R,
  type Scenario,
  type Setting,
  setting,
  unseen,
} from './scenario.ts'

const SAFETY_MS = 10_000
const AT_MS = 3_000

/** What an owner of a saturated key has not told yet: it flushes early at a tenth of the burst. */
const unsent = { formula: 'min(B, u), u ≤ B/10', bound: () => B / 10, setting }
const once = { formula: 'min(B, u) ≤ B', bound: () => B, setting }

/** The node that decides a hot key goes, in all the ways in which nodes go. */
export const OWNER_LOSS: readonly Scenario[] = [
  {
    ...unsent,
    name: 'kill-owner',
    story: 'the owner of a saturated key is killed',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => [{ atMs: AT_MS, type: 'kill', node }],
      }),
  },
  {
    name: 'kill-owner-unheard',
    story: 'the same, and all its checks came by its own door: nobody was told by replies',
    setting,
    formula: 'B/10 + R·50 ms: what one early flush leaves',
    bound: () => B / 10 + R * 0.05,
    experiment: (seed, from) => {
      const story = hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => [{ atMs: AT_MS, type: 'kill', node }],
      })
      const [kill] = story.faults as readonly [Extract<Fault, { type: 'kill' }>]
      return {
        ...story,
        workload: [
          { ...flood('hot', 0, AT_MS), origins: [kill.node] },
          flood('hot', AT_MS, SAFETY_MS),
        ],
      }
    },
  },
  {
    ...once,
    name: 'kill-owner-in-burst',
    story: 'the owner is killed in the middle of a burst on an idle key',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => [{ atMs: AT_MS + 5, type: 'kill', node }],
        workload: [
          {
            ...flood('hot', AT_MS, AT_MS + 10),
            arrivals: { type: 'bursts', checks: 20, everyMs: 1 },
          },
          flood('hot', AT_MS + 10, SAFETY_MS),
        ],
      }),
  },
  {
    ...once,
    name: 'phase-locked-kill',
    story: 'an adversary asks for a burst right after the owner gossiped, and kills it',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => [
          { atMs: AT_MS, type: 'ambush', node, rule: 'demo', key: 'hot', checks: 2 * B },
        ],
        workload: [],
      }),
  },
  {
    ...once,
    name: 'power-off-owner',
    story: "the owner's host vanishes without a word",
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => [{ atMs: AT_MS, type: 'power-off', node }],
      }),
  },
  {
    ...unseen,
    name: 'pause-owner',
    story: 'the owner stops for 5 s and wakes with checks waiting',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => [{ atMs: AT_MS, type: 'pause', node, forMs: 5_000 }],
      }),
  },
  {
    ...unseen,
    name: 'slow-owner',
    story: 'the owner needs ten times longer than it has for everything, for 5 s',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => [{ atMs: AT_MS, type: 'slow', node, inputMs: 10, forMs: 5_000 }],
      }),
  },
  {
    ...unseen,
    name: 'clogged-owner',
    story: 'what the owner sends is held for 2 s and then comes all at once',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (owner, others) =>
          others.map((to) => ({ atMs: AT_MS, type: 'clog', from: owner, to, forMs: 2_000 })),
      }),
  },
  {
    ...unsent,
    name: 'kill-owner-and-successor',
    story: 'the owner and the node next in line die together',
    setting: { nodes: 4, onPartition: 'majority' },
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (owner, [successor]) =>
          [owner, successor].flatMap((node) =>
            node === undefined ? [] : [{ atMs: AT_MS, type: 'kill', node }],
          ),
      }),
  },
  {
    name: 'crash-and-restart',
    story: 'the owner is killed and back 200 ms later, before anybody holds it dead for long',
    setting,
    formula: '2·min(B, u), u ≤ B/10: two changes of the decider',
    bound: () => (2 * B) / 10,
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => [
          { atMs: AT_MS, type: 'kill', node },
          { atMs: AT_MS + 200, type: 'start', node },
        ],
      }),
  },
  {
    name: 'rolling-kill',
    story: 'one node after the other is killed every 8 s, and started 2 s later',
    setting,
    formula: 'Σ min(B, u), u ≤ B/10, over kills and returns',
    bound: ({ nodes }) => (2 * nodes * B) / 10,
    experiment: (seed, from) =>
      rolling(seed, from, 8_000, (node, atMs) => [
        { atMs, type: 'kill', node },
        { atMs: atMs + 2_000, type: 'start', node },
      ]),
  },
  {
    ...nothing,
    name: 'rolling-restart',
    story: 'one node after the other leaves in order and is started again',
    experiment: (seed, from) =>
      rolling(seed, from, 5_000, (node, atMs) => [
        { atMs, type: 'leave', node, drainMs: 1_000 },
        { atMs: atMs + 1_500, type: 'start', node },
      ]),
  },
  {
    ...once,
    name: 'restart-of-all',
    story: 'all nodes are killed at once and started again, without any memory',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (owner, others) =>
          [owner, ...others].flatMap((node): Fault[] => [
            { atMs: AT_MS, type: 'kill', node },
            { atMs: AT_MS + 100, type: 'start', node },
          ]),
      }),
  },
]

/** The same happens to every node in turn. */
function rolling(
  seed: number,
  from: Setting,
  everyMs: number,
  strike: (node: NodeId, atMs: number) => Fault[],
): Experiment {
  return hotKeyStory(seed, from, {
    safetyMs: from.nodes * everyMs + 4_000,
    plot: (owner, others) =>
      [owner, ...others].flatMap((node, turn) => strike(node, 2_000 + turn * everyMs)),
  })
}
