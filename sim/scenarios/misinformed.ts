import type { NodeId } from '../../crdt/node-id.ts'
import { preferenceOf } from '../experiment.ts'
import { B, demoRule, flood, hotKeyStory, nothing, type Scenario, unseen } from './scenario.ts'

const SAFETY_MS = 10_000
const AT_MS = 3_000

/** Nodes that are told too late, too little, or too much. */
export const MISINFORMED: readonly Scenario[] = [
  {
    ...nothing,
    name: 'late-gossip',
    story: 'a fifth of gossip comes so late that the slices it tells of have fallen off',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        network: { gossipLate: { share: 0.2, delay: { minMs: 2_500, maxMs: 4_000 } } },
      }),
  },
  {
    ...unseen,
    name: 'inflating-stand-in',
    story: 'the owner stops for a second, and who stands in claims twenty times what it admits',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (owner, [node]) => [
          { atMs: 2_000, type: 'lie', node: node as NodeId, lie: 'inflate' },
          { atMs: AT_MS, type: 'pause', node: owner, forMs: 1_000 },
        ],
      }),
  },
  {
    ...nothing,
    name: 'join-after-burst',
    story: 'a node joins and takes over a slow key that has just been emptied, and is flooded',
    experiment: (seed, from) => {
      const [newcomer, owner] = preferenceOf({ seed, ...from }, demoRule('majority'), 'hot')
      const story = hotKeyStory(seed, from, {
        safetyMs: 8_000,
        plot: (node) => [
          { atMs: 0, type: 'kill', node },
          { atMs: 6_000, type: 'start', node },
        ],
      })
      const limit = { rate: { count: 2, periodMs: 1_000 }, burst: B }
      return {
        ...story,
        rules: [{ name: 'demo', limits: [limit], onPartition: from.onPartition }],
        workload: [
          { ...flood('hot', 5_000, 5_500), origins: [owner as NodeId] },
          {
            ...flood('hot', 6_001, 6_201),
            arrivals: { type: 'bursts', checks: 50, everyMs: 1 },
            origins: [newcomer as NodeId],
          },
        ],
      }
    },
  },
]
