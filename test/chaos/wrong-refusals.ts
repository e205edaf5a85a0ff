import { MeterHistory } from '../../sim/compare/meter-history.ts'
import { type Turned, wronglyRefused } from '../../sim/compare/wrong-refusals.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import type { Seen } from './seen.ts'

const KEY = 'the only one'

/**
 * How many checks of one key were refused though an ideal limiter, fed with everything that was admitted, would have
 * allowed them, and all of them together: whenever in its time each of the checks was decided. Admissions that were
 * under way at the same time count as if all of them had come before, and questions that were not answered as
 * admissions, so it may be a few too few.
 */
export function surelyWronglyRefused(seen: readonly Seen[], limit: LimitPolicy): number {
  const tolerance = limit.rate.count / limit.rate.periodMs
  const allowed = [
    ...seen.filter((one) => one.allowed),
    ...seen.flatMap(({ unanswered, cost }) => unanswered.map((one) => ({ ...one, cost }))),
  ]
  const admissions = allowed.map(({ doneMs, cost }) => ({ atMs: doneMs, key: KEY, cost }))
  const meter = new MeterHistory(admissions, limit)
  const sentBy = sumUntil(allowed.map(({ sentMs, cost }) => ({ atMs: sentMs, cost })))
  const doneBy = sumUntil(admissions)
  const turned = seen.flatMap(({ allowed, status, sentMs, doneMs, cost }, index): Turned[] => {
    if (allowed || status !== 200) return []
    const underWay = sentBy(doneMs) - doneBy(sentMs)
    const highest = meter.highestIn(sentMs, doneMs) + underWay
    if (highest + cost + tolerance > limit.burst) return []
    return [{ index, key: KEY, cost, answeredMs: doneMs }]
  })
  return wronglyRefused(turned, { answers: [], admissions, messages: [] }, limit).length
}

/** Tells the sum of costs up to a time. */
function sumUntil(costs: readonly { readonly atMs: number; readonly cost: number }[]) {
  const sorted = [...costs].sort((a, b) => a.atMs - b.atMs)
  const sums = [0]
  for (const { cost } of sorted) sums.push((sums.at(-1) ?? 0) + cost)
  return (atMs: number): number => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle]?.atMs ?? 0) <= atMs) low = middle + 1
      else high = middle
    }
    return sums[low] ?? 0
  }
}
