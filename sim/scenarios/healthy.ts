import { demoRule, flood, hotKeyStory, nothing, R, type Scenario } from './scenario.ts'

const SAFETY_MS = 10_000

/** A steady demand of so many times the rate. */
function steady(name: string, times: number): Scenario {
  return {
    ...nothing,
    name,
    story: `no fault, a steady demand of ${times} × R`,
    experiment: (seed, { nodes, onPartition }) => ({
      seed,
      nodes,
      rules: [demoRule(onPartition)],
      faults: [],
      workload: [
        {
          ...flood('hot', 0, SAFETY_MS),
          arrivals: { type: 'steady', everyMs: 1_000 / (times * R) },
        },
      ],
      safetyMs: SAFETY_MS,
    }),
  }
}

/** Nothing is wrong with the nodes: one decider, one exact bucket. */
export const HEALTHY: readonly Scenario[] = [
  steady('steady-half', 0.5),
  steady('steady-full', 1),
  steady('steady-tenfold', 10),
  {
    ...nothing,
    name: 'flood-after-idle',
    story: 'an idle key, then 1,000 × R at every node at once',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: 3_000,
        workload: [
          {
            ...flood('hot', 2_000, 2_500),
            arrivals: { type: 'bursts', checks: 100, everyMs: 1 },
          },
        ],
      }),
  },
  {
    ...nothing,
    name: 'lossy-gossip',
    story: 'gossip loses 30 % of frames, doubles 50 %, and reorders them',
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        network: {
          gossipLoss: 0.3,
          gossipDuplicates: 0.5,
          gossipLate: { share: 0.3, delay: { minMs: 100, maxMs: 1_500 } },
        },
      }),
  },
]
