import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { overshootOf } from '../../sim/checkers/overshoot.ts'
import { judge } from './judge.ts'
import { DEMO } from './rules.ts'
import type { Seen } from './seen.ts'
import { sureOvershoot } from './sure-overshoot.ts'

const B = DEMO.burst

function seen(sentMs: number, doneMs: number, more: Partial<Seen> = {}): Seen {
  return {
    wantedMs: sentMs,
    sentMs,
    doneMs,
    cost: 1,
    allowed: true,
    status: 200,
    degraded: false,
    unanswered: [],
    ...more,
  }
}

/** By definition: every window from a question to an answer. */
function slowly(admissions: readonly Seen[]): number {
  const windows = admissions.flatMap(({ sentMs: a }) =>
    admissions.map(({ doneMs: b }) => {
      const within = admissions.filter(({ sentMs, doneMs }) => sentMs >= a && doneMs <= b)
      const tokens = within.reduce((sum, { cost }) => sum + cost, 0)
      return b < a ? 0 : tokens - ((b - a) * DEMO.rate.count) / DEMO.rate.periodMs - B
    }),
  )
  return Math.max(0, ...windows)
}

const logs = fc.array(
  fc
    .tuple(fc.nat(500), fc.nat(80), fc.integer({ min: 1, max: 40 }))
    .map(([sentMs, tookMs, cost]) => seen(sentMs, sentMs + tookMs, { cost })),
  { maxLength: 40 },
)

describe('what was surely admitted too much', () => {
  test('is what its definition says', () => {
    fc.assert(
      fc.property(logs, (log) => {
        expect(sureOvershoot(log, DEMO)).toBeCloseTo(slowly(log), 6)
      }),
    )
  })

  test('is never above the overshoot at any times at which the checks may have been decided', () => {
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 40 })
    fc.assert(
      fc.property(logs, shares, (log, at) => {
        const decided = log.map(({ sentMs, doneMs, cost }, index) => {
          return { atMs: sentMs + (at[index] ?? 0) * (doneMs - sentMs), cost }
        })
        expect(sureOvershoot(log, DEMO)).toBeLessThanOrEqual(overshootOf(decided, DEMO) + 1e-6)
      }),
    )
  })

  test('is all above the burst when answers come at once, and nothing when they may have come slowly', () => {
    const many = (tookMs: number) => Array.from({ length: B + 30 }, () => seen(0, tookMs))
    expect(sureOvershoot(many(0), DEMO)).toBe(30)
    expect(sureOvershoot(many(300), DEMO)).toBe(0)
  })
})

describe('a judge', () => {
  const saturated = Array.from({ length: B }, () => seen(0, 1))

  test('holds the sure overshoot against the bound', () => {
    const twice = [...saturated, ...saturated]
    expect(judge(twice, 100)).toMatchObject({ sure: B - 0.1, seen: B, isWithin: true })
    expect(judge(twice, 90).isWithin).toBe(false)
  })

  test('counts a refusal as wrong when there was room at all times, and one for each token of room', () => {
    const refused = (sentMs: number) => seen(sentMs, sentMs + 1, { allowed: false })
    expect(judge([...saturated, refused(5)], 0).wronglyRefused).toBe(0)
    const late = [refused(35), refused(36), refused(37), refused(38), refused(39)]
    expect(judge([...saturated, ...late], 0).wronglyRefused).toBe(3 / 105)
    // Three that were under way all the time may have taken the room.
    const slow = Array.from({ length: 3 }, () => seen(30, 50))
    expect(judge([...saturated, ...late, ...slow], 0).wronglyRefused).toBe(0)
    // As may questions that nobody answered.
    const unanswered = slow.map(({ sentMs, doneMs }) => ({ sentMs, doneMs }))
    const elsewhere = seen(50, 51, { unanswered })
    expect(judge([...saturated, ...late, elsewhere], 0).wronglyRefused).toBe(0)
  })

  test('finds checks that nobody answered, but not while nobody lived', () => {
    const lost = seen(100, 5_100, { allowed: false, status: 0 })
    expect(judge([...saturated, lost], 0).lost).toBe(1)
    expect(judge([...saturated, lost], 0, { outage: { fromMs: 50, toMs: 400 } }).lost).toBe(0)
    expect(judge([...saturated, lost], 0, { outage: { fromMs: 6_000, toMs: 7_000 } }).lost).toBe(1)
  })

  test('finds answers that are neither a decision nor a request to ask elsewhere', () => {
    expect(judge([seen(0, 1, { status: 500, allowed: false })], 0).odd).toEqual({ 500: 1 })
  })

  test('judges each span by its own limit', () => {
    const half = { rate: { count: 50, periodMs: 1_000 }, burst: 50 }
    const spans = [
      { fromMs: 0, toMs: 10, limit: DEMO },
      { fromMs: 20, toMs: 30, limit: half },
    ]
    const later = Array.from({ length: 60 }, () => seen(25, 25))
    const judged = judge([...saturated, ...later], 0, { spans })
    expect(judged).toMatchObject({ sure: 10, isWithin: false, wronglyRefused: undefined })
  })
})
