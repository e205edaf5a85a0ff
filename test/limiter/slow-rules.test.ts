import { describe, expect, test } from 'vitest'
import type { Algorithm, LimitPolicy } from '../../src/limiter/policy.ts'
import { SLOW_SPAN_MS, slowRulesOf } from '../../src/limiter/slow-rules.ts'
import { limiterOf, policyOf, ruleOf } from '../support/limiters.ts'

function windowOf(periodMs: number, algorithm: Algorithm): LimitPolicy {
  return { ...policyOf(9, periodMs, 9), algorithm }
}

const MINUTE = windowOf(60_000, {
  type: 'calendar-window',
  calendar: {
    name: 'minute',
    at(atMs) {
      const index = Math.floor(atMs / 60_000)
      return { index, startMs: index * 60_000, endMs: (index + 1) * 60_000 }
    },
  },
})

describe('a rule', () => {
  test.each<[string, boolean, LimitPolicy[]]>([
    ['refills in a second', false, [policyOf(100, 1_000, 100)]],
    ['refills in 26 s', false, [policyOf(1, 1_000, 26)]],
    ['refills in 27 s', true, [policyOf(1, 1_000, 27)]],
    ['has one slow limit of two', true, [policyOf(100, 1_000, 100), policyOf(1, 1_000, 27)]],
    ['has a window of 50 s', false, [windowOf(50_000, { type: 'sliding-window' })]],
    ['has a window of 60 s', true, [windowOf(60_000, { type: 'sliding-window' })]],
    ['follows a calendar of minutes', true, [MINUTE]],
  ])('that %s is slow: %s', (_, isSlow, limits) => {
    const { wanted, spanMs } = slowRulesOf(limiterOf([ruleOf(...limits)]).rules)
    expect(wanted.map(({ rule }) => rule)).toEqual(isSlow ? ['rule'] : [])
    expect(spanMs > SLOW_SPAN_MS).toBe(isSlow)
    expect(spanMs).toBeLessThan(5 * 60_000)
  })
})
