import type { NodeId } from '../../crdt/node-id.ts'
import type { Fault } from '../fault.ts'
import type { Lie } from '../lie.ts'
import {
  B,
  demoRule,
  flood,
  hotKeyStory,
  R,
  type Scenario,
  type Setting,
  setting,
} from './scenario.ts'

const SAFETY_MS = 10_000

/** The key's successor, which is believed when it speaks of itself, says something else than it means. */
function lying(lie: Lie): (owner: NodeId, successors: readonly NodeId[]) => Fault[] {
  return (_, [node]) => (node === undefined ? [] : [{ atMs: 2_000, type: 'lie', node, lie }])
}

/** One member is understood by nobody: as if it were split off, until that is noticed. t = 2 s, s = 0.75 s. */
const unheard = {
  formula: '(1 - 1/N)(B + R·t) + k·R·s',
  bound: ({ nodes }: Setting) => (1 - 1 / nodes) * (B + R * 2) + R * 0.75,
  setting,
}

/** Too many keys, members that lie, and members that understand nothing. */
export const HOSTILE: readonly Scenario[] = [
  {
    name: 'key-flood',
    story: 'fifty times as many new keys as the table holds, beside a busy one',
    setting,
    formula: '0 for keys in use',
    bound: () => 0,
    experiment: (seed, from) => ({
      seed,
      nodes: from.nodes,
      rules: [demoRule(from.onPartition)],
      keysMax: 1_000,
      faults: [],
      workload: [
        flood('hot', 0, SAFETY_MS),
        {
          ...flood('new', 2_000, 7_000),
          keys: { name: 'new', count: 1_000_000 },
          arrivals: { type: 'bursts', checks: 10, everyMs: 1 },
        },
      ],
      safetyMs: SAFETY_MS,
    }),
  },
  {
    name: 'inflated-counts',
    story: 'a member claims twenty times what it has admitted',
    setting,
    formula: '0: claims of others only make an owner stricter',
    bound: () => 0,
    experiment: (seed, from) =>
      hotKeyStory(seed, from, { safetyMs: SAFETY_MS, plot: lying('inflate') }),
  },
  {
    ...unheard,
    name: 'foreign-version',
    story: 'a member speaks a protocol version that nobody else understands',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, { safetyMs: SAFETY_MS, plot: lying('foreign-version') }),
  },
  {
    ...unheard,
    name: 'garbled-frames',
    story: 'everything a member sends arrives as rubbish',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, { safetyMs: SAFETY_MS, plot: lying('garble') }),
  },
]
