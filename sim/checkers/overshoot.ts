import type { LimitPolicy } from '../../src/limiter/policy.ts'

/** Something was let through. */
export interface Passed {
  readonly atMs: number
  readonly cost: number
}

/**
 * The overshoot of a set of admissions, in tokens: how far an ideal leaky-bucket meter, draining at R and
 * rising by the cost of every admission, gets above B.
 *
 *     X(t) = sup over s ≤ t of [ admitted in (s, t] - R·(t - s) ]⁺        O = max(0, sup X - B)
 *
 * Then every window of length T holds at most B + R·T + O admissions. It knows nothing of Weir.
 */
export function overshootOf(admissions: readonly Passed[], { rate, burst }: LimitPolicy): number {
  const perMs = rate.count / rate.periodMs
  const inOrder = [...admissions].sort((a, b) => a.atMs - b.atMs)
  let level = 0
  let lastMs = 0
  let highest = 0
  for (const { atMs, cost } of inOrder) {
    level = Math.max(0, level - (atMs - lastMs) * perMs) + cost
    lastMs = atMs
    highest = Math.max(highest, level)
  }
  return Math.max(0, highest - burst)
}
