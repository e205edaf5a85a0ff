import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { limiterOf, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

// Limits that change while keys are in use: tokens in use stay in use, up to the new burst.

const everything = () => true
const nothing = () => false

const perSecond = (count: number, burst = count) => policyOf(count, 1_000, burst)

function used(limiter: Limiter, tokens: number, nowMs = NOW_MS, key = 'k'): void {
  const state = stateOf(limiter)
  expect(state.decide(state.hash(key), tokens, nowMs)).toMatchObject({ type: 'allowed' })
}

function remaining(limiter: Limiter, nowMs = NOW_MS, key = 'k'): number {
  const state = stateOf(limiter)
  return state.decide(state.hash(key), 0, nowMs).remaining
}

const POLICIES: Record<string, LimitPolicy> = {
  'a bucket': perSecond(100),
  'a bucket twice as fast': perSecond(200),
  'a slow bucket': policyOf(100, 3_600_000, 100),
  'a bucket with a small burst': perSecond(100, 30),
  'a leaky bucket': { ...perSecond(100), algorithm: { type: 'leaky-bucket' } },
  'a sliding window': { ...policyOf(100, 60_000, 100), algorithm: { type: 'sliding-window' } },
  'a larger sliding window': {
    ...policyOf(150, 60_000, 150),
    algorithm: { type: 'sliding-window' },
  },
  'an aligned window': {
    ...policyOf(50, 60_000, 50),
    algorithm: { type: 'fixed-window', opens: 'aligned' },
  },
  'a window from the first hit': {
    ...policyOf(100, 60_000, 100),
    algorithm: { type: 'fixed-window', opens: 'first-hit' },
  },
  concurrency: { ...policyOf(100, 60_000, 100), algorithm: { type: 'concurrency' } },
}

const pairs = Object.keys(POLICIES).flatMap((from) =>
  Object.keys(POLICIES).map((to) => [from, to] as const),
)

describe.each(pairs)('from %s to %s', (from, to) => {
  const before = POLICIES[from] as LimitPolicy
  const after = POLICIES[to] as LimitPolicy

  test.each([1, 25, 30])('%d tokens in use stay in use', (tokens) => {
    const limiter = limiterOf([ruleOf(before)])
    used(limiter, tokens)
    limiter.change([ruleOf(after)], everything, NOW_MS)
    expect(remaining(limiter)).toBe(Math.max(0, after.burst - tokens))
  })

  test('a node that does not decide assumes as much, should it have to', () => {
    const limiter = limiterOf([ruleOf(before)])
    used(limiter, 20)
    limiter.change([ruleOf(after)], nothing, NOW_MS)
    expect(remaining(limiter)).toBe(Math.max(0, after.burst - 20))
  })

  test('what a decider has told is not counted twice by a successor', () => {
    const [owner, successor] = [
      limiterOf([ruleOf(before)], 'n1'),
      limiterOf([ruleOf(before)], 'n2'),
    ]
    used(owner, 20)
    for (const counts of owner.takeDelta(0, NOW_MS)) {
      successor.merge(counts, 'n1' as NodeId, NOW_MS)
    }
    owner.change([ruleOf(after)], everything, NOW_MS)
    successor.change([ruleOf(after)], nothing, NOW_MS)
    for (const limiter of [owner, successor]) limiter.sweep(1_000, NOW_MS)
    for (const counts of owner.takeDelta(0, NOW_MS)) {
      successor.merge(counts, 'n1' as NodeId, NOW_MS)
    }
    expect(remaining(successor)).toBe(Math.max(0, after.burst - 20))
  })
})

test('a bucket whose rate changes goes on at the new rate from where it was', () => {
  const [rate, burst] = [fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 })]
  const policy = fc.record({ rate, burst }).map((p) => perSecond(p.rate, p.burst))
  fc.assert(
    fc.property(policy, policy, fc.nat(2_000), fc.nat(2_000), (before, after, ms, later) => {
      const limiter = limiterOf([ruleOf(before)])
      used(limiter, before.burst)
      const changedMs = NOW_MS + ms
      limiter.change([ruleOf(after)], everything, changedMs)
      const inUse = Math.max(0, before.burst - (ms * before.rate.count) / 1_000)
      const kept = Math.min(after.burst, inUse)
      const ideal = after.burst - Math.max(0, kept - (later * after.rate.count) / 1_000)
      const left = remaining(limiter, changedMs)
      expect(left).toBeLessThanOrEqual(after.burst - kept + 1e-9)
      // A level that becomes a count is rounded up to a whole token.
      const laterLeft = remaining(limiter, changedMs + later)
      expect(laterLeft).toBeLessThanOrEqual(Math.floor(ideal + 1e-9))
      expect(laterLeft).toBeGreaterThan(ideal - 2)
    }),
  )
})

test('a bucket that has drained by a quick rate is empty by a slow one', () => {
  const limiter = limiterOf([ruleOf(perSecond(81, 1))])
  used(limiter, 1)
  limiter.change([ruleOf(perSecond(8, 2))], everything, NOW_MS + 13)
  expect(remaining(limiter, NOW_MS + 13)).toBe(2)
})

test('limits that change again before a key was brought over lose nothing', () => {
  const limiter = limiterOf([ruleOf(perSecond(100))])
  used(limiter, 40)
  limiter.change([ruleOf(policyOf(100, 3_600_000, 100))], everything, NOW_MS)
  limiter.change([ruleOf(policyOf(100, 60_000, 50))], everything, NOW_MS)
  expect(remaining(limiter)).toBe(10)
})

test('of several limits each keeps what is in use of it', () => {
  const before = ruleOf(perSecond(10), policyOf(1_000, 86_400_000, 1_000))
  const after = ruleOf(perSecond(20, 40), policyOf(1_000, 86_400_000, 1_000))
  const limiter = limiterOf([before])
  used(limiter, 10)
  used(limiter, 10, NOW_MS + 1_000)
  limiter.change([after], everything, NOW_MS + 1_000)
  expect(remaining(limiter, NOW_MS + 1_000)).toBe(30)
  used(limiter, 30, NOW_MS + 1_000)
  used(limiter, 40, NOW_MS + 3_000)
  expect(remaining(limiter, NOW_MS + 5_000)).toBe(40)
})

test('sweeps bring over what nobody asks for, and a rule that is no more lets go of everything', () => {
  const limiter = limiterOf([ruleOf(perSecond(100)), { name: 'other', limits: [perSecond(5)] }])
  const state = stateOf(limiter)
  const other = stateOf(limiter, 'other')
  for (let key = 0; key < 100; key++) {
    state.decide(state.hash(`k${key}`), 5, NOW_MS)
    other.decide(other.hash(`k${key}`), 5, NOW_MS)
  }
  limiter.change([ruleOf(policyOf(100, 3_600_000, 100))], everything, NOW_MS)
  for (let sweep = 0; sweep < 10; sweep++) limiter.sweep(16, NOW_MS)
  expect(stateOf(limiter).store.table.keys).toBe(100)
  expect(state.store.table.keys).toBe(0)
  expect(other.store.table.keys).toBe(0)
  expect(remaining(limiter, NOW_MS, 'k99')).toBe(95)
})

test('what a decider may still admit by a former, larger limit is believed', () => {
  const [knows, doesNot] = [
    limiterOf([ruleOf(perSecond(100))], 'n1'),
    limiterOf([ruleOf(perSecond(100))], 'n2'),
  ]
  knows.change([ruleOf(perSecond(50))], nothing, NOW_MS)
  used(doesNot, 100)
  const [counts] = doesNot.takeDelta(0, NOW_MS)
  if (counts === undefined) throw new Error('nothing to send')
  expect(knows.merge(counts, 'n2' as NodeId, NOW_MS)).toMatchObject({ raised: 1, violations: 0 })
  expect(remaining(knows)).toBe(0)
})
