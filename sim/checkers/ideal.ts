import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { meterOf } from './meter.ts'
import type { Passed } from './overshoot.ts'

/** Tokens that one exact bucket would have let through, asked for these at these times, in order. */
export function idealAdmissions(wanted: readonly Passed[], policy: LimitPolicy): number {
  const meter = meterOf(policy)
  let admitted = 0
  for (const { atMs, cost } of wanted) {
    if (meter.levelAt(atMs) + cost > policy.burst) continue
    meter.pass(atMs, cost)
    admitted += cost
  }
  return admitted
}
