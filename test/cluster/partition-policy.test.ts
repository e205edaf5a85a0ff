import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PARTITION_HOLD_MS } from '../../cluster/limits.ts'
import {
  overshootBound,
  type PartitionPolicy,
  standing,
  weightOf,
} from '../../cluster/partition-policy.ts'

const POLICIES: PartitionPolicy[] = ['majority', 'share', 'open', 'closed']
const before = PARTITION_HOLD_MS - 1
const after = PARTITION_HOLD_MS

function weightIn(policy: PartitionPolicy, reached: number, members: number, splitForMs: number) {
  return weightOf(standing(policy, { reached, members, splitForMs }))
}

describe('a side of a split', () => {
  test('is no side at all while everybody is reached', () => {
    for (const policy of POLICIES) {
      expect(standing(policy, { reached: 3, members: 3, splitForMs: 0 })).toEqual({ type: 'whole' })
    }
  })

  test.each([
    ['majority', 2, 3, before, 2 / 3],
    ['majority', 2, 3, after, 1],
    ['majority', 1, 3, after, 1 / 3],
    ['majority', 5, 10, after, 1 / 2],
    ['share', 2, 3, after, 2 / 3],
    ['open', 1, 3, after, 1],
    ['closed', 2, 3, before, 1],
    ['closed', 1, 3, after, 0],
    ['closed', 5, 10, after, 0],
  ] as const)('%s: %d of %d after %d ms weigh %d', (policy, reached, members, ms, weight) => {
    expect(weightIn(policy, reached, members, ms)).toBeCloseTo(weight)
  })

  test('weighs, with all others, at most one under share, and under majority until the hold (invariant 14)', () => {
    const sides = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 8 })
    fc.assert(
      fc.property(sides, (sizes) => {
        const members = sizes.reduce((sum, size) => sum + size, 0)
        for (const [policy, ms] of [
          ['share', after],
          ['majority', before],
        ] as const) {
          const sum = sizes.reduce((all, size) => all + weightIn(policy, size, members, ms), 0)
          expect(sum).toBeLessThanOrEqual(1 + 1e-9)
        }
        const held = sizes.reduce(
          (all, size) => all + weightIn('majority', size, members, after),
          0,
        )
        expect(held).toBeLessThan(1.5)
      }),
    )
  })

  test('is never starved but under closed (invariant 15)', () => {
    for (const policy of ['majority', 'share', 'open'] as const) {
      expect(weightIn(policy, 1, 100, after)).toBeGreaterThan(0)
    }
  })
})

describe('a side that weighs by demand', () => {
  const side = (reached: number, splitForMs: number) => {
    return { reached: 1, members: 3, splitForMs, byDemand: { reached, members: 3_000 } }
  }

  test.each([
    ['majority', 2_100, before, 0.7],
    ['majority', 2_100, after, 1],
    ['majority', 1_500, after, 0.5],
    ['share', 2_100, after, 0.7],
    ['open', 200, after, 1],
    ['closed', 2_100, before, 1],
    ['closed', 900, after, 0],
  ] as const)('%s: %d parts of 3,000 after %d ms weigh %d', (policy, parts, ms, weight) => {
    expect(weightOf(standing(policy, side(parts, ms)))).toBeCloseTo(weight)
  })

  test('is whole when everybody is reached, whatever they weigh', () => {
    const reach = { reached: 3, members: 3, splitForMs: 0, byDemand: { reached: 9, members: 10 } }
    expect(standing('share', reach)).toEqual({ type: 'whole' })
  })

  test('may have next to nothing beside the owner, who took everything until it noticed', () => {
    const flow = { tokensPerMs: 0.1, burst: 100 }
    expect(overshootBound('share', side(2_100, 60_000), flow, 500)).toBe(300 + 2 * 75)
  })
})

describe('the bound of a split', () => {
  const flow = { tokensPerMs: 0.1, burst: 100 }

  test('does not grow with time under share and closed, by half the rate under majority', () => {
    const at = (policy: PartitionPolicy, splitForMs: number) =>
      overshootBound(policy, { reached: 2, members: 3, splitForMs }, flow, 500)
    expect(at('share', 60_000)).toBe(275)
    expect(at('closed', 60_000)).toBe(275)
    expect(at('majority', 10_000)).toBe(275)
    expect(at('majority', 30_000)).toBe(1_275)
    expect(at('open', 30_000)).toBe(3_100)
  })
})
