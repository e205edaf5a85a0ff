import type { Random } from '../../cluster/random.ts'
import type { LimitPolicy, OnPartition, Rate, Rule } from '../../src/limiter/policy.ts'
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
const RULES_MAX = 3

/** One to three rules of one limit or two. */
export function drawRules(random: Random): Rule[] {
  return Array.from({ length: range(1, RULES_MAX, random) }, (_, index) => {
    const limits = Array.from({ length: oneIn(4, random) ? 2 : 1 }, () => drawLimit(random))
    return { name: `rule-${index + 1}`, limits, onPartition: pick(POLICIES, random) }
  })
}

function drawLimit(random: Random): LimitPolicy {
  const rate = pick(RATES, random)
  const fitting = BURSTS.filter((burst) => (burst * rate.periodMs) / rate.count <= FILL_MS_MAX)
  return { rate, burst: pick(fitting, random) }
}
