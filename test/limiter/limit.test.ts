import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  GOSSIP_INTERVALS_KEPT,
  limitOf,
  SLICE_MS_MIN,
  SLICES_MIN,
} from '../../src/limiter/limit.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const DAY_MS = 24 * 60 * MINUTE_MS

function policy(count: number, periodMs: number, burst: number): LimitPolicy {
  return { rate: { count, periodMs }, burst }
}

describe('a limit', () => {
  it.each([
    // rate, burst                 tokenUnits  drainPerMs
    [policy(7, MINUTE_MS, 7), 60_000, 7],
    [policy(100, SECOND_MS, 100), 10, 1],
    [policy(1_000, 30 * DAY_MS, 1_000), 2_592_000, 1],
    [policy(1, SECOND_MS, 1), 1_000, 1],
    [policy(5_000, 10 * SECOND_MS, 50), 2, 1],
    [policy(3_000, SECOND_MS, 10), 1, 3],
    [policy(999_983, DAY_MS, 1), 86_400_000, 999_983],
  ])('measures %j in whole units: a token is %d, of which %d drain each ms', (of, units, drain) => {
    const limit = limitOf(of, 500)
    expect(limit.tokenUnits).toBe(units)
    expect(limit.drainPerMs).toBe(drain)
    expect(limit.capacityUnits).toBe(of.burst * units)
  })

  it.each([
    // rate, burst                        gossip  sliceMs    slices
    [policy(100, SECOND_MS, 100), 500, 125, 18],
    [policy(100, SECOND_MS, 40), 500, 50, 41],
    [policy(100, SECOND_MS, 1), 500, 50, 41],
    [policy(100, SECOND_MS, 1), 100, 50, 18],
    [policy(7, MINUTE_MS, 7), 500, 7_500, 18],
    [policy(1_000, 30 * DAY_MS, 1_000), 500, 324_000_000, 18],
    [policy(100, SECOND_MS, 100), 10_000, 125, 321],
    [policy(7, SECOND_MS, 3), 500, 54, 39],
  ])(
    'cuts time for %j and gossip every %d ms into slices of %d ms, of which %d are kept',
    (of, gossipMs, sliceMs, slices) => {
      const limit = limitOf(of, gossipMs)
      expect([limit.sliceMs, limit.slices]).toEqual([sliceMs, slices])
    },
  )

  it('is exact and remembers long enough, whatever the rate, burst and gossip interval', () => {
    const policies = fc
      .tuple(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ min: 1, max: 30 * DAY_MS }),
        fc.integer({ min: 1, max: 1_000_000 }),
      )
      .map(([count, periodMs, burst]) => policy(count, periodMs, burst))
    const sound = fc.property(policies, fc.integer({ min: 10, max: 60_000 }), (of, gossipMs) => {
      const { tokenUnits, drainPerMs, capacityUnits, sliceMs, slices } = limitOf(of, gossipMs)
      const { count, periodMs } = of.rate
      for (const number of [tokenUnits, drainPerMs, capacityUnits, sliceMs, slices]) {
        expect(Number.isSafeInteger(number)).toBe(true)
      }
      expect(BigInt(drainPerMs) * BigInt(periodMs)).toBe(BigInt(tokenUnits) * BigInt(count))
      expect(sliceMs).toBeGreaterThanOrEqual(SLICE_MS_MIN)
      expect(slices).toBeGreaterThanOrEqual(SLICES_MIN)
      const keptMs = (slices - 1) * sliceMs
      expect(keptMs * drainPerMs).toBeGreaterThanOrEqual(2 * capacityUnits)
      expect(keptMs).toBeGreaterThanOrEqual(GOSSIP_INTERVALS_KEPT * gossipMs)
    })
    fc.assert(sound, { numRuns: 500 })
  })
})
