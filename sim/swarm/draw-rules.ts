import type { Random } from '../../cluster/random.ts'
import type { Algorithm, LimitPolicy, OnPartition, Rate, Rule } from '../../src/limiter/policy.ts'
import { RepeatingCalendar } from '../repeating-calendar.ts'
import { oneIn, pick, range } from './pick.ts'

/** From a token a second to one in each millisecond, the unit of the nodes' clocks. */
const RATES: readonly Rate[] = [
  { count: 1, periodMs: 1_000 },
  { count: 30, periodMs: 10_000 },
  { count: 10, periodMs: 1_000 },
  { count: 6_000, periodMs: 60_000 },
  { count: 300, periodMs: 1_000 },
  { count: 1_000, periodMs: 1_000 },
]
const BURSTS: readonly number[] = [1, 3, 10, 30, 100, 300, 1_000]
const POLICIES: readonly OnPartition[] = ['majority', 'share', 'open', 'closed']
/** A bucket that takes longer to fill is not emptied twice in a run. */
const FILL_MS_MAX = 60_000
/** Lengths of windows; a run sees the shortest fifty times, and the longest twice. */
const PERIODS_MS: readonly number[] = [1_000, 2_000, 5_000, 20_000]
/** Units of a calendar are up to so much shorter than the longest. */
const UNITS_MAX = 4
const RULES_MAX = 3

/** Half of all limits drain. */
const ALGORITHMS = [
  'token-bucket',
  'token-bucket',
  'token-bucket',
  'token-bucket',
  'leaky-bucket',
  'sliding-window',
  'aligned-window',
  'first-hit-window',
  'calendar-window',
  'concurrency',
] as const

/** One to three rules of one limit or two. */
export function drawRules(random: Random): Rule[] {
  return Array.from({ length: range(1, RULES_MAX, random) }, (_, index) => {
    const limits = Array.from({ length: oneIn(4, random) ? 2 : 1 }, () => drawLimit(random))
    return { name: `rule-${index + 1}`, limits, onPartition: pick(POLICIES, random) }
  })
}

function drawLimit(random: Random): LimitPolicy {
  const type = pick(ALGORITHMS, random)
  if (type === 'token-bucket') return drawBucket(random)
  if (type === 'leaky-bucket') return { ...drawBucket(random), algorithm: { type } }
  const burst = pick(BURSTS, random)
  const rate = { count: burst, periodMs: pick(PERIODS_MS, random) }
  return { rate, burst, algorithm: drawWindow(type, rate, random) }
}

function drawBucket(random: Random): LimitPolicy {
  const rate = pick(RATES, random)
  const fitting = BURSTS.filter((burst) => (burst * rate.periodMs) / rate.count <= FILL_MS_MAX)
  return { rate, burst: pick(fitting, random) }
}

function drawWindow(
  type: Exclude<(typeof ALGORITHMS)[number], 'token-bucket' | 'leaky-bucket'>,
  { periodMs }: Rate,
  random: Random,
): Algorithm {
  switch (type) {
    case 'sliding-window':
    case 'concurrency':
      return { type }
    case 'aligned-window':
      return { type: 'fixed-window', opens: 'aligned' }
    case 'first-hit-window':
      return { type: 'fixed-window', opens: 'first-hit' }
    case 'calendar-window': {
      const others = Array.from({ length: range(1, UNITS_MAX, random) }, () =>
        range(Math.ceil(periodMs / 2), periodMs, random),
      )
      return { type, calendar: new RepeatingCalendar([periodMs, ...others]) }
    }
  }
}
