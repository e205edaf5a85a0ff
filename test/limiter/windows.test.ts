import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import type { Algorithm, Calendar, LimitPolicy } from '../../src/limiter/policy.ts'
import { calendarOf } from '../../src/rules/calendar.ts'
import { limiterOf, ruleOf, stateOf } from '../support/limiters.ts'

const DAY_MS = 86_400_000
/** A midnight, so that aligned windows of every usual length begin here. */
const START_MS = 19_700 * DAY_MS

/** Two-day units with a name. */
const days: Calendar = {
  name: 'two days',
  at(atMs) {
    const index = Math.floor(atMs / (2 * DAY_MS))
    return { index, startMs: index * 2 * DAY_MS, endMs: (index + 1) * 2 * DAY_MS }
  },
}

const ALIGNED: Algorithm = { type: 'fixed-window', opens: 'aligned' }
const FIRST_HIT: Algorithm = { type: 'fixed-window', opens: 'first-hit' }
const SLIDING: Algorithm = { type: 'sliding-window' }

function windowOf(algorithm: Algorithm, count: number, periodMs: number): LimitPolicy {
  return { rate: { count, periodMs }, burst: count, algorithm }
}

function check(limiter: Limiter, cost: number, atMs: number) {
  const state = stateOf(limiter)
  return state.decide(state.hash('key'), cost, atMs)
}

/** Another node hears all that the first has admitted. */
function heir(limiter: Limiter, policy: LimitPolicy, atMs: number): Limiter {
  const other = limiterOf([ruleOf(policy)], 'n2')
  for (const counts of limiter.takeDelta(0, atMs)) other.merge(counts, 'n1' as NodeId, atMs)
  return other
}

describe('a fixed window', () => {
  test('that is aligned ends where the next begins, whenever it was first used', () => {
    const limiter = limiterOf([ruleOf(windowOf(ALIGNED, 2, 9_000))], 'n1')
    const atMs = Math.ceil(START_MS / 9_000) * 9_000 + 8_000
    expect(check(limiter, 2, atMs)).toMatchObject({ type: 'allowed', remaining: 0, resetMs: 1_000 })
    expect(check(limiter, 1, atMs + 999)).toMatchObject({ type: 'refused', retryAfterMs: 1 })
    expect(check(limiter, 1, atMs + 1_000)).toMatchObject({ type: 'allowed', remaining: 1 })
  })

  test('opened by the first hit lasts its whole length from then on', () => {
    const limiter = limiterOf([ruleOf(windowOf(FIRST_HIT, 2, 9_000))], 'n1')
    expect(check(limiter, 0, START_MS)).toMatchObject({ remaining: 2, resetMs: 0 })
    const atMs = START_MS + 1_234
    expect(check(limiter, 1, atMs)).toMatchObject({ remaining: 1, resetMs: 9_000 })
    expect(check(limiter, 1, atMs + 4_000)).toMatchObject({ remaining: 0, resetMs: 5_000 })
    expect(check(limiter, 1, atMs + 8_999)).toMatchObject({ type: 'refused', retryAfterMs: 1 })
    expect(check(limiter, 1, atMs + 9_000)).toMatchObject({ type: 'allowed', resetMs: 9_000 })
  })

  test('of a calendar is as long as its unit', () => {
    const policy = windowOf({ type: 'calendar-window', calendar: days }, 10, 2 * DAY_MS)
    const limiter = limiterOf([ruleOf(policy)], 'n1')
    expect(check(limiter, 10, START_MS)).toMatchObject({ remaining: 0, resetMs: 2 * DAY_MS })
    expect(check(limiter, 1, START_MS + 2 * DAY_MS - 1)).toMatchObject({ retryAfterMs: 1 })
    expect(check(limiter, 1, START_MS + 2 * DAY_MS)).toMatchObject({ remaining: 9 })
  })

  test('of a calendar is told to a peer whose link opens', () => {
    const calendar = calendarOf('day', 'UTC')
    const limiter = limiterOf([ruleOf(windowOf({ type: 'calendar-window', calendar }, 10, DAY_MS))])
    check(limiter, 3, START_MS)
    const [everything] = limiter.digest(Number.POSITIVE_INFINITY, START_MS)
    expect(everything?.to).toBe(calendar.at(START_MS).index)
    const [sealed] = limiter.digest(START_MS, START_MS)
    expect(sealed?.to).toBeLessThan(calendar.at(START_MS).index)
  })

  test('stays in use when the clock goes back', () => {
    for (const algorithm of [ALIGNED, FIRST_HIT]) {
      const limiter = limiterOf([ruleOf(windowOf(algorithm, 3, 60_000))], 'n1')
      check(limiter, 3, START_MS + 5_000)
      expect(check(limiter, 1, START_MS - 5_000).type).toBe('refused')
      expect(check(limiter, 1, START_MS + 70_000).type).toBe('allowed')
    }
  })

  test('shorter than a slice is told of as it was admitted', () => {
    const policy = windowOf(FIRST_HIT, 5, 10)
    const limiter = limiterOf([ruleOf(policy)], 'n1')
    for (let atMs = START_MS; atMs < START_MS + 50; atMs += 10) {
      expect(check(limiter, 5, atMs).type).toBe('allowed')
    }
    const other = limiterOf([ruleOf(policy)], 'n2')
    for (const counts of limiter.takeDelta(0, START_MS + 49)) {
      const result = other.merge(counts, 'n1' as NodeId, START_MS + 49)
      expect(result).toMatchObject({ raised: 1, violations: 0 })
    }
  })

  test('a check that is too large takes nothing', () => {
    const limiter = limiterOf([ruleOf(windowOf(ALIGNED, 10, 1_000))], 'n1')
    check(limiter, 4, START_MS)
    expect(check(limiter, 7, START_MS)).toMatchObject({ type: 'refused', remaining: 6 })
    expect(check(limiter, 6, START_MS)).toMatchObject({ type: 'allowed', remaining: 0 })
  })
})

describe('a sliding window', () => {
  test('says when enough of it has passed', () => {
    const limiter = limiterOf([ruleOf(windowOf(SLIDING, 4, 3_200))], 'n1')
    check(limiter, 1, START_MS)
    check(limiter, 3, START_MS + 1_000)
    const refused = check(limiter, 2, START_MS + 2_000)
    // The slices are of 100 ms: what was admitted in one is free when its last millisecond is out.
    expect(refused).toMatchObject({ type: 'refused', retryAfterMs: 1_000 + 99 + 3_200 - 2_000 })
    expect(check(limiter, 2, START_MS + 1_000 + 99 + 3_200 - 1).type).toBe('refused')
    expect(check(limiter, 2, START_MS + 1_000 + 99 + 3_200).type).toBe('allowed')
  })

  test('never admits more than its count in any stretch of its length', () => {
    const arrivals = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 4 })), {
      minLength: 1,
      maxLength: 120,
    })
    fc.assert(
      fc.property(arrivals, (gaps) => {
        const limiter = limiterOf([ruleOf(windowOf(SLIDING, 7, 2_000))], 'n1')
        const passed: { atMs: number; cost: number }[] = []
        let atMs = START_MS
        for (const [gapMs, cost] of gaps) {
          atMs += gapMs
          if (check(limiter, cost, atMs).type === 'allowed') passed.push({ atMs, cost })
          const inWindow = passed.filter((one) => one.atMs > atMs - 2_000)
          expect(inWindow.reduce((sum, one) => sum + one.cost, 0)).toBeLessThanOrEqual(7)
        }
      }),
    )
  })

  test('keeps its word on what is owed, too', () => {
    const limiter = limiterOf([ruleOf(windowOf(SLIDING, 10, 60_000))], 'n1')
    const state = stateOf(limiter)
    const key = state.hash('key')
    const owing = state.adjust('penalise', key, 13, START_MS)
    const refused = check(limiter, 10, START_MS)
    expect(refused).toMatchObject({ type: 'refused', resetMs: owing.resetMs })
    const atMs = START_MS + refused.resetMs
    expect(check(limiter, 10, atMs - 1).type).toBe('refused')
    expect(check(limiter, 10, atMs).type).toBe('allowed')
  })

  test('keeps its word on when to come back', () => {
    const arrivals = fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 3 })), {
      minLength: 1,
      maxLength: 60,
    })
    fc.assert(
      fc.property(arrivals, (gaps) => {
        const limiter = limiterOf([ruleOf(windowOf(SLIDING, 5, 2_000))], 'n1')
        let atMs = START_MS
        for (const [gapMs, cost] of gaps) {
          atMs += gapMs
          const decision = check(limiter, cost, atMs)
          if (decision.type === 'allowed') continue
          expect(check(limiter, cost, atMs + decision.retryAfterMs - 1).type).toBe('refused')
          atMs += decision.retryAfterMs
          expect(check(limiter, cost, atMs).type).toBe('allowed')
        }
      }),
    )
  })
})

describe('a leaky bucket', () => {
  test('tells each admission how long to wait for its turn', () => {
    const policy: LimitPolicy = {
      rate: { count: 10, periodMs: 1_000 },
      burst: 3,
      algorithm: { type: 'leaky-bucket' },
    }
    const limiter = limiterOf([ruleOf(policy)], 'n1')
    const delays = [0, 0, 0, 0].map(() => check(limiter, 1, START_MS))
    expect(delays.map((one) => (one.type === 'allowed' ? one.delayMs : one.type))).toEqual([
      0,
      100,
      200,
      'refused',
    ])
    expect(check(limiter, 1, START_MS + 100)).toMatchObject({ type: 'allowed', delayMs: 200 })
  })
})

describe('what a second decider makes of the counts', () => {
  test.each([
    ['an aligned window', ALIGNED],
    ['a first-hit window', FIRST_HIT],
    ['a sliding window', SLIDING],
    ['a calendar', { type: 'calendar-window', calendar: days }],
  ] as const)('of %s admits no more than was left', (_, algorithm) => {
    const policy = windowOf(algorithm, 10, algorithm === ALIGNED ? 60_000 : 2 * DAY_MS)
    const limiter = limiterOf([ruleOf(policy)], 'n1')
    check(limiter, 4, START_MS + 10)
    check(limiter, 3, START_MS + 20_000)
    const other = heir(limiter, policy, START_MS + 20_001)
    expect(check(other, 4, START_MS + 20_002)).toMatchObject({ type: 'refused', remaining: 3 })
    expect(check(other, 3, START_MS + 20_002).type).toBe('allowed')
  })

  test('of a first-hit window ends less than a slice late', () => {
    const policy = windowOf(FIRST_HIT, 10, 3_200_000)
    const limiter = limiterOf([ruleOf(policy)], 'n1')
    check(limiter, 10, START_MS + 55_000)
    check(limiter, 1, START_MS + 2_000_000)
    const other = heir(limiter, policy, START_MS + 2_000_000)
    const refused = check(other, 1, START_MS + 2_000_000)
    const endMs = START_MS + 55_000 + 3_200_000
    expect(refused.type).toBe('refused')
    expect(START_MS + 2_000_000 + refused.resetMs).toBeGreaterThanOrEqual(endMs)
    expect(START_MS + 2_000_000 + refused.resetMs).toBeLessThan(endMs + 100_000)
  })

  test('raises a window it decides itself by what it hears late, and no more', () => {
    for (const algorithm of [ALIGNED, FIRST_HIT, SLIDING]) {
      const policy = windowOf(algorithm, 10, 60_000)
      const [one, other] = [limiterOf([ruleOf(policy)], 'n1'), limiterOf([ruleOf(policy)], 'n2')]
      check(one, 3, START_MS)
      check(other, 4, START_MS)
      for (const counts of other.takeDelta(0, START_MS)) one.merge(counts, 'n2' as NodeId, START_MS)
      expect(check(one, 0, START_MS)).toMatchObject({ remaining: 3 })
    }
  })
})
