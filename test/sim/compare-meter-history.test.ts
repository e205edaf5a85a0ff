import { describe, expect, test } from 'vitest'
import { MeterHistory } from '../../sim/compare/meter-history.ts'

// A bucket of 10 tokens at one token in 100 ms.
const limit = { rate: { count: 10, periodMs: 1_000 }, burst: 10 }

describe('the meter of what was admitted of a key', () => {
  const history = new MeterHistory(
    [
      { atMs: 0, cost: 10 },
      { atMs: 500, cost: 5 },
      { atMs: 1_000, cost: 12 },
      { atMs: 1_100, cost: 3 },
    ],
    limit,
  )

  test('is known for any time', () => {
    expect(history.levelBefore(0)).toBe(0)
    expect(history.levelBefore(400)).toBe(6)
    expect(history.levelBefore(500)).toBe(5)
    expect(history.levelBefore(501)).toBeCloseTo(9.99, 6)
    expect(history.levelBefore(9_000)).toBe(0)
  })

  test('is highest at the beginning of a time or right after an admission in it', () => {
    expect(history.highestIn(100, 400)).toBe(9)
    expect(history.highestIn(100, 500)).toBe(10)
    expect(history.highestIn(499, 1_100)).toBeCloseTo(19, 6)
  })

  test('exceeds the burst in a span by what is admitted beside the level at which the span begins', () => {
    expect(history.overshootIn({ fromMs: 0, toMs: 1_000 })).toBe(0)
    expect(history.overshootIn({ fromMs: 1_000, toMs: 1_050 })).toBeCloseTo(7, 6)
  })

  test('does not count what was above the burst before the span began', () => {
    expect(history.overshootIn({ fromMs: 1_050, toMs: 2_000 })).toBeCloseTo(2.5, 6)
    expect(history.overshootIn({ fromMs: 1_200, toMs: 2_000 })).toBe(0)
  })
})
