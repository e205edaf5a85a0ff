import { limitOf } from '../../src/limiter/limit.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'

/** For how long counts are kept at most, n·w. (The length of a calendar's slices varies; none is longer than its rate's period.) */
export function ringMs(policy: LimitPolicy, gossipIntervalMs: number): number {
  const { slices, sliceMs, calendar } = limitOf(policy, gossipIntervalMs)
  return slices * (calendar === undefined ? sliceMs : policy.rate.periodMs)
}
