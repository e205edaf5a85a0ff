import fc from 'fast-check'
import { parseList, serializeList } from 'structured-headers'
import { describe, expect, test } from 'vitest'
import { policyName, RateLimitHeaders } from '../../src/http/rate-limit-headers.ts'
import type { Answer } from '../../src/limiter/check.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { HEADER_FAMILIES, type HeaderFamily } from '../../src/rules/definition.ts'
import { RULES } from '../support/doors.ts'

function headersOf(coreRules: readonly Rule[], family: HeaderFamily): RateLimitHeaders {
  return new RateLimitHeaders({ book: { coreRules, definitions: [] } }, family)
}

const DRAFT = ['ratelimit-policy', 'ratelimit']
const LEGACY = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset']
const FIELDS: Record<HeaderFamily, string[]> = {
  'draft-11': DRAFT,
  legacy: LEGACY,
  both: [...DRAFT, ...LEGACY],
  none: [],
}

const ANSWER: Answer = {
  type: 'answer',
  allowed: true,
  rule: 'per-user',
  limit: 3,
  remaining: 2,
  retryAfterMs: 0,
  resetMs: 600,
  reason: 'under_limit',
  decidedBy: 'owner',
  consistency: 'exact',
  overshootBound: 0,
  weight: 1,
  owner: 'n1',
  node: 'n1',
  limitIndex: 0,
}

/** Names with all that a structured field's string must escape, and positive whole numbers of all sizes. */
const count = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.maxSafeInteger().map(Math.abs))
const rules = fc
  .record({
    name: fc.string({ unit: fc.constantFrom(...'ab-_/ "\\;=,:'), minLength: 1 }),
    limits: fc.array(
      fc.record({
        rate: fc.record({
          count: count.map((n) => Math.max(1, n)),
          periodMs: fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constant(60_000)),
        }),
        burst: fc.integer({ min: 1 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map((rule): Rule => rule)

const measures = fc.record({
  allowed: fc.boolean(),
  remaining: count,
  retryAfterMs: fc.nat(),
  resetMs: fc.nat(),
  limitIndex: fc.nat(),
})

const INTEGER_MAX = 999_999_999_999_999

describe('the fields of the draft', () => {
  test('are what a serialiser of structured fields makes of their values', () => {
    fc.assert(
      fc.property(rules, measures, (rule, measured) => {
        const limitIndex = measured.limitIndex % rule.limits.length
        const answer = { ...ANSWER, ...measured, rule: rule.name, limitIndex }
        const headers = headersOf([rule], 'draft-11').of(answer)

        const policies = rule.limits.map(({ rate }, i) => {
          const parameters = new Map([['q', Math.min(rate.count, INTEGER_MAX)]])
          if (rate.periodMs % 1_000 === 0) parameters.set('w', rate.periodMs / 1_000)
          return [policyName(rule, i), parameters] as [string, Map<string, number>]
        })
        expect(headers['ratelimit-policy']).toBe(serializeList(policies))

        const seconds = answer.allowed
          ? Math.ceil(answer.resetMs / 1_000)
          : Math.max(1, Math.ceil(answer.retryAfterMs / 1_000))
        const state = new Map([
          ['r', Math.min(answer.remaining, INTEGER_MAX)],
          ['t', seconds],
        ])
        expect(headers.ratelimit).toBe(serializeList([[policyName(rule, limitIndex), state]]))
      }),
    )
  })

  test('can be parsed even when a rule has a name that a structured field cannot hold', () => {
    const rule: Rule = { name: 'für-alle', limits: RULES[0]?.limits ?? [] }
    const headers = headersOf([rule], 'draft-11').of({ ...ANSWER, rule: rule.name })
    expect(parseList(headers.ratelimit ?? '')[0]?.[0]).toBe('f%C3%BCr-alle')
    expect(parseList(headers['ratelimit-policy'] ?? '')[0]?.[0]).toBe('f%C3%BCr-alle')
  })

  test('name the limits of a rule in their order, and the one that the numbers describe', () => {
    const headers = headersOf(RULES, 'draft-11')
    const answer = { ...ANSWER, rule: 'login', limitIndex: 1, remaining: 4, resetMs: 3_000_000 }
    expect(headers.of(answer)).toEqual({
      'ratelimit-policy': '"login/1";q=5;w=10, "login/2";q=30;w=3600',
      ratelimit: '"login/2";r=4;t=3000',
    })
  })
})

describe('a family', () => {
  test.each(HEADER_FAMILIES)(
    '%s has its own fields, and Retry-After on refusals only',
    (family) => {
      const headers = headersOf(RULES, family)
      expect(Object.keys(headers.of(ANSWER))).toEqual(FIELDS[family])
      const refused = { ...ANSWER, allowed: false, retryAfterMs: 1 }
      expect(Object.keys(headers.of(refused))).toEqual([...FIELDS[family], 'retry-after'])
    },
  )

  test('legacy counts the seconds from now, not since 1970', () => {
    const headers = headersOf(RULES, 'legacy')
    expect(headers.of({ ...ANSWER, resetMs: 1_001 })).toEqual({
      'x-ratelimit-limit': '3',
      'x-ratelimit-remaining': '2',
      'x-ratelimit-reset': '2',
    })
  })
})

test.each([
  [0, '1'],
  [1, '1'],
  [1_000, '1'],
  [1_001, '2'],
  [59_999, '60'],
])(
  'Retry-After is whole seconds, never early and never 0: %i ms is %s s',
  (retryAfterMs, seconds) => {
    const refused = { ...ANSWER, allowed: false, retryAfterMs }
    expect(headersOf(RULES, 'none').of(refused)).toEqual({ 'retry-after': seconds })
  },
)

test('rules that become others are told of as they are then', () => {
  const changed = { rate: { count: 7, periodMs: 1_000 }, burst: 7 }
  const node = { book: { coreRules: RULES, definitions: [] } }
  const headers = new RateLimitHeaders(node, 'draft-11')
  expect(headers.of(ANSWER)['ratelimit-policy']).toContain('q=100')
  node.book = { coreRules: [{ name: 'per-user', limits: [changed] }], definitions: [] }
  expect(headers.of(ANSWER)['ratelimit-policy']).toContain('q=7')
})

test('an answer by rules that have become others meanwhile has no fields of a limit that is no more', () => {
  const headers = headersOf([{ ...(RULES[0] as Rule), name: 'per-user' }], 'both')
  const former = { ...ANSWER, allowed: false, retryAfterMs: 1, limitIndex: 1 }
  expect(headers.of(former)).toEqual({ 'retry-after': '1' })
  expect(headers.policy(former)).toBe('per-user')
})
