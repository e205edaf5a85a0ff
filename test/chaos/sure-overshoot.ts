import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { MaxTree } from './max-tree.ts'
import type { Seen } from './seen.ts'

/**
 * Tokens that were surely admitted above the limit, whenever within [sent, done] each check was decided:
 *
 *     max over a, b of  Σ { cost : a ≤ sent, done ≤ b } - R·(b - a) - B,  at least 0
 *
 * An admission whose question was sent no sooner than `a` and whose answer came no later than `b` was made in
 * between, and a limiter without overshoot makes no more than B + R·(b - a) of them.
 */
export function sureOvershoot(admissions: readonly Seen[], { rate, burst }: LimitPolicy): number {
  const perMs = rate.count / rate.periodMs
  const ends = admissions.map(({ doneMs }) => doneMs).sort((a, b) => a - b)
  // For each b the tokens of admissions that end by then, less R·b; asked for the greatest of b ≥ a.
  const best = new MaxTree(ends.map((doneMs) => -perMs * doneMs))
  const lastFirst = [...admissions].sort((a, b) => b.sentMs - a.sentMs)
  let most = 0
  for (const { sentMs, doneMs, cost } of lastFirst) {
    best.raiseFrom(firstAtLeast(ends, doneMs), cost)
    most = Math.max(most, best.maxFrom(firstAtLeast(ends, sentMs)) + perMs * sentMs - burst)
  }
  return most
}

function firstAtLeast(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}
