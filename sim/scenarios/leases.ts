import { LEASE_MS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Algorithm, LimitPolicy, Rule } from '../../src/limiter/policy.ts'
import { type Experiment, preferenceOf } from '../experiment.ts'
import type { Flow } from '../workload.ts'
import {
  R as DEMO_R,
  flood,
  hotKeyStory,
  nothing,
  type Plot,
  type Scenario,
  type Setting,
  setting,
} from './scenario.ts'
import { boundOfSplit, FORMULAS, two } from './splits.ts'

const SAFETY_MS = 4_000
const AT_MS = 2_000
const SPLIT_MS = 5_000

/** A hot key: R tokens a second, of which clients ask for four fifths. */
const R = 1_000
const B = 1_000
const ASKED = 0.8 * R
/** So much of the burst is taken at once before something happens, and then what drains: there is room for leases. */
const TAKEN = 0.7 * B
const TAKEN_MS = 1_000
/** So many checks at once, twice the rate, when something happens: what was given out too much then shows. */
const FLOOD = { type: 'bursts', checks: R / 2, everyMs: 250 } as const

/** So long after one burst of checks comes the next: a lease that was granted beside one is spent by the other. */
const LATE_MS = 90

/** Out at any time, whether or not they are spent: at most half of the burst, and what is asked for in 100 ms. */
const LEASED = Math.min(B / 2, (R * LEASE_MS) / 1_000)
const leased = `min(B/2, demand·100 ms)`

interface Tale {
  readonly plot?: Plot
  readonly algorithm?: Algorithm
  /** A flood begins. */
  readonly floodedFromMs?: number
  readonly safetyMs?: number
}

/** A key with leases, asked for at random nodes: for less than it may be, or for as much and then for more. */
function hotKey(seed: number, from: Setting, tale: Tale = {}): Experiment {
  const { plot, algorithm, safetyMs = SAFETY_MS, floodedFromMs } = tale
  const limit: LimitPolicy = {
    rate: { count: R, periodMs: 1_000 },
    burst: B,
    ...(algorithm !== undefined && { algorithm }),
  }
  const steady = (perSecond: number, untilMs: number): Flow => ({
    ...flood('hot', 0, untilMs),
    arrivals: { type: 'steady', everyMs: 1_000 / perSecond },
  })
  const flooded = (atMs: number): Flow[] => [
    steady(R, atMs),
    {
      ...flood('hot', TAKEN_MS, TAKEN_MS + 1),
      arrivals: { type: 'bursts', checks: TAKEN, everyMs: TAKEN_MS },
    },
    { ...flood('hot', atMs, safetyMs), arrivals: FLOOD },
  ]
  const workload = floodedFromMs === undefined ? [steady(ASKED, safetyMs)] : flooded(floodedFromMs)
  const story = hotKeyStory(seed, from, { safetyMs, ...(plot !== undefined && { plot }), workload })
  return {
    ...story,
    rules: story.rules.map((rule) => ({ ...rule, limits: [limit], leases: true })),
  }
}

/** Nothing goes wrong: whatever is leased, O is 0. */
function healthy(name: string, story: string, tale: Tale): Scenario {
  return { ...nothing, name, story, experiment: (seed, from) => hotKey(seed, from, tale) }
}

/** A hot key that nodes hold leases of, in health and when something happens to its owner. */
export const LEASES: readonly Scenario[] = [
  healthy('leases-steady', 'no fault, a hot key with leases, asked for 0.8 × R', {}),
  healthy(
    'leases-window',
    'a hot key with leases under an aligned window, taken from and then flooded',
    {
      algorithm: { type: 'fixed-window', opens: 'aligned' },
      floodedFromMs: AT_MS + 500,
    },
  ),
  healthy('leases-sliding', 'the same under a sliding window', {
    algorithm: { type: 'sliding-window' },
    floodedFromMs: AT_MS + 500,
  }),
  {
    ...nothing,
    name: 'leases-late',
    story: 'a node gives out its leases when they are almost over, while their owner is flooded',
    experiment: (seed, from) => {
      const story = hotKey(seed, from, { floodedFromMs: AT_MS })
      const [rule] = story.rules as [Rule]
      const [owner, other] = preferenceOf(story, rule, 'hot') as [NodeId, NodeId]
      const asked = { checks: (R * 0.6 * LATE_MS) / 1_000, everyMs: LATE_MS }
      const workload: Flow[] = [
        {
          ...flood('hot', TAKEN_MS, TAKEN_MS + 1),
          origins: [owner],
          arrivals: { type: 'bursts', checks: TAKEN, everyMs: TAKEN_MS },
        },
        {
          ...flood('hot', 0, SAFETY_MS),
          origins: [other],
          arrivals: { type: 'bursts', ...asked },
        },
        {
          ...flood('hot', AT_MS, AT_MS + 500),
          origins: [owner],
          arrivals: { type: 'bursts', checks: R / 10, everyMs: 10 },
        },
      ]
      return { ...story, workload }
    },
  },
  healthy(
    'leases-reload',
    'all nodes read their rules again while leases are out, and a flood begins',
    {
      floodedFromMs: AT_MS,
      plot: (owner, others) => {
        return [owner, ...others].map((node) => ({ atMs: AT_MS, type: 'reload', node }))
      },
    },
  ),
  {
    name: 'leases-kill-owner',
    story: 'the owner is killed while leases are out, and a flood begins',
    setting,
    formula: `min(B, u) + leases, u ≤ B/10, leases = ${leased}`,
    bound: () => B / 10 + LEASED,
    experiment: (seed, from) =>
      hotKey(seed, from, {
        floodedFromMs: AT_MS,
        plot: (node) => [{ atMs: AT_MS, type: 'kill', node }],
      }),
  },
  {
    name: 'leases-split',
    story: 'the owner and one node against one, for 5 s, while leases are out, and a flood begins',
    setting,
    formula: `${FORMULAS.majority} + leases, leases = ${leased}`,
    bound: (from) => (boundOfSplit(two(2), SPLIT_MS / 1_000)(from) * R) / DEMO_R + LEASED,
    experiment: (seed, from) =>
      hotKey(seed, from, {
        safetyMs: AT_MS + SPLIT_MS + 2_000,
        floodedFromMs: AT_MS,
        plot: (owner, others) => [
          { atMs: AT_MS, type: 'split', sides: two(2)([owner, ...others]) },
          { atMs: AT_MS + SPLIT_MS, type: 'heal' },
        ],
      }),
  },
]
