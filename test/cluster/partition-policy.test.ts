import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PARTITION_HOLD_MS } from '../../cluster/limits.ts'
import { overshootBound, type PartitionPolicy, standing } from '../../cluster/partition-policy.ts'

const POLICIES: PartitionPolicy[] = ['majority', 'share', 'open', 'closed']
const before = PARTITION_HOLD_MS - 1
const after = PARTITION_HOLD_MS

function weightOf(policy: PartitionPolicy, reached: number, members: number, splitForMs: number) {
  const held = standing(policy, { reached, members, splitForMs })
  if (held.type === 'share') return held.share.reached / held.share.members
  return held.type === 'closed' ? 0 : 1
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
    expect(weightOf(policy, reached, members, ms)).toBeCloseTo(weight)
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
          const sum = sizes.reduce((all, size) => all + weightOf(policy, size, members, ms), 0)
          expect(sum).toBeLessThanOrEqual(1 + 1e-9)
        }
        const held = sizes.reduce(
          (all, size) => all + weightOf('majority', size, members, after),
          0,
        )
        expect(held).toBeLessThan(1.5)
      }),
    )
  })

  test('is never starved but under closed (invariant 15)', () => {
    for (const policy of ['majority', 'share', 'open'] as const) {
      expect(weightOf(policy, 1, 100, after)).toBeGreaterThan(0)
    }
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
