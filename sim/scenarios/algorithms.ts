import type { Algorithm, LimitPolicy, Rule } from '../../src/limiter/policy.ts'
import type { Experiment } from '../experiment.ts'
import { B, hotKeyStory, nothing, R, type Scenario, setting } from './scenario.ts'

const SAFETY_MS = 10_000
/** In the middle of a window. */
const AT_MS = 3_300
const PERIOD_MS = 2_000

/** (A calendar's window is an aligned one whose cuts are somewhere else.) */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  'leaky-bucket': { type: 'leaky-bucket' },
  'sliding-window': { type: 'sliding-window' },
  'aligned-window': { type: 'fixed-window', opens: 'aligned' },
  'first-hit-window': { type: 'fixed-window', opens: 'first-hit' },
}

/** Every algorithm in health, and when its decider is killed. */
export const OTHER_ALGORITHMS: readonly Scenario[] = Object.entries(ALGORITHMS).flatMap(
  ([name, algorithm]): Scenario[] => [
    {
      ...nothing,
      name: `steady-${name}`,
      story: `no fault, a steady demand of 10 × R under a ${name}`,
      experiment: (seed, from) =>
        under(algorithm, hotKeyStory(seed, from, { safetyMs: SAFETY_MS })),
    },
    {
      ...(name === 'first-hit-window'
        ? { formula: 'B: a new decider may begin the window anew', bound: () => 2 * R }
        : { formula: 'min(B, u), u ≤ B/10', bound: () => limitUnder(algorithm).burst / 10 }),
      setting,
      name: `kill-owner-${name}`,
      story: `the owner of a key that is saturated under a ${name} is killed`,
      experiment: (seed, from) =>
        under(
          algorithm,
          hotKeyStory(seed, from, {
            safetyMs: SAFETY_MS,
            plot: (node) => [{ atMs: AT_MS, type: 'kill', node }],
          }),
        ),
    },
  ],
)

/** The same story under another limit: R on the average, and all of two seconds at once. */
function under(algorithm: Algorithm, story: Experiment): Experiment {
  const rules = story.rules.map((rule): Rule => ({ ...rule, limits: [limitUnder(algorithm)] }))
  return { ...story, rules }
}

function limitUnder(algorithm: Algorithm): LimitPolicy {
  return algorithm.type === 'leaky-bucket'
    ? { rate: { count: R, periodMs: 1_000 }, burst: B, algorithm }
    : { rate: { count: 2 * R, periodMs: PERIOD_MS }, burst: 2 * R, algorithm }
}
