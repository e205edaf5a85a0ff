import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { drains, meterOf } from './meter.ts'

/** Something was let through. */
export interface Passed {
  readonly atMs: number
  readonly cost: number
}

/**
 * The overshoot of a set of admissions, in tokens: how far the ideal meter of all of them gets above B.
 *
 *     O = max(0, sup X - B)
 *
 * Then every window of length T holds at most B + R·T + O admissions.
 */
export function overshootOf(admissions: readonly Passed[], policy: LimitPolicy): number {
  const inOrder = [...admissions].sort((a, b) => a.atMs - b.atMs)
  const meter = meterOf(policy)
  // Nodes open and close windows on whole milliseconds.
  const timeOf = drains(policy) ? (atMs: number) => atMs : Math.floor
  const highest = inOrder.reduce((max, { atMs, cost }) => {
    return Math.max(max, meter.pass(timeOf(atMs), cost))
  }, 0)
  return Math.max(0, highest - policy.burst)
}
