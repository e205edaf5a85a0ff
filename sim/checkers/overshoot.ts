import type { Action } from '../../cluster/message.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { drains, meterOf } from './meter.ts'

/** Something was let through. */
export interface Passed {
  readonly atMs: number
  readonly cost: number
  /** Default: a check. A penalty lets nobody through, and a refund takes back. */
  readonly action?: Action
}

/**
 * The overshoot of a set of admissions, in tokens: how far the ideal meter of all of them gets above B.
 *
 *     O = max(0, sup X - B)
 *
 * Then every window of length T holds at most B + R·T + O admissions that were not given back.
 */
export function overshootOf(deeds: readonly Passed[], policy: LimitPolicy): number {
  const inOrder = [...deeds].sort((a, b) => a.atMs - b.atMs)
  const meter = meterOf(policy)
  // Nodes open and close windows on whole milliseconds.
  const timeOf = drains(policy) ? (atMs: number) => atMs : Math.floor
  let highest = 0
  for (const { atMs, cost, action = 'check' } of inOrder) {
    const ms = timeOf(atMs)
    if (action === 'check') highest = Math.max(highest, meter.pass(ms, cost))
    else if (action === 'refund') meter.giveBack(ms, cost)
    else meter.owe(ms, cost)
  }
  return Math.max(0, highest - policy.burst)
}
