import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { meterOf } from '../../sim/checkers/meter.ts'
import { LEASED_KEYS_MAX } from '../../src/limiter/leased.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import type { Algorithm, LimitPolicy } from '../../src/limiter/policy.ts'
import { limiterOf, liveCounts, NOW_MS, policyOf, stateOf } from '../support/limiters.ts'

const FOR_MS = 100
const ROUNDING = 1e-6

function leasing(...limits: readonly LimitPolicy[]): Limiter {
  return limiterOf([{ name: 'rule', limits, leases: true }], 'n1', { keysMax: 4_096 })
}

function check(limiter: Limiter, cost: number, atMs: number, key = 'key') {
  const state = stateOf(limiter)
  return state.decide(state.hash(key), cost, atMs)
}

function leaseOf(limiter: Limiter, tokens: number, atMs: number, members = 2, key = 'key') {
  const state = stateOf(limiter)
  const wish = { tokens, forMs: FOR_MS, tokensMin: 5, members }
  return state.lease(state.hash(key), wish, atMs)
}

const window = (algorithm: Algorithm, count = 100, periodMs = 2_000): LimitPolicy => ({
  rate: { count, periodMs },
  burst: count,
  algorithm,
})

const ALIGNED: Algorithm = { type: 'fixed-window', opens: 'aligned' }
const LEASABLE: readonly (readonly [string, LimitPolicy])[] = [
  ['token bucket', policyOf(100, 1_000, 100)],
  ['token bucket that is soon full', policyOf(1_000, 1_000, 60)],
  ['aligned window', window(ALIGNED)],
  ['sliding window', window({ type: 'sliding-window' })],
]

describe('a lease', () => {
  test('counts as admitted when it is granted', () => {
    const limiter = leasing(policyOf(1, 3_600_000, 100))
    check(limiter, 1, NOW_MS)
    expect(leaseOf(limiter, 20, NOW_MS)).toEqual({ tokens: 20, forMs: FOR_MS })
    expect(check(limiter, 0, NOW_MS)).toMatchObject({ remaining: 79 })
    const [count] = liveCounts(limiter, ['key'], NOW_MS)
    expect(count).toMatch(/ n1#1 21$/)
    expect(check(limiter, 0, NOW_MS + 10 * FOR_MS)).toMatchObject({ remaining: 79 })
  })

  test('is a share of the room, and all leases together half of it', () => {
    const limiter = leasing(policyOf(1, 3_600_000, 101))
    check(limiter, 1, NOW_MS)
    expect(leaseOf(limiter, 1_000, NOW_MS, 5)?.tokens).toBe(10)
    let leased = 10
    for (let asked = 0; asked < 100; asked++) {
      leased += leaseOf(limiter, 1_000, NOW_MS, 2)?.tokens ?? 0
    }
    expect(leased).toBeGreaterThan(40)
    expect(leased).toBeLessThanOrEqual(50)
  })

  test('does not drain before it is over', () => {
    const limiter = leasing(policyOf(100, 1_000, 100))
    check(limiter, 1, NOW_MS)
    leaseOf(limiter, 20, NOW_MS)
    expect(check(limiter, 0, NOW_MS + FOR_MS)).toMatchObject({ remaining: 80 })
    expect(check(limiter, 0, NOW_MS + 2 * FOR_MS)).toMatchObject({ remaining: 89 })
  })

  test('of a window ends before the window does, and of a sliding one before its slice', () => {
    const aligned = leasing(window(ALIGNED))
    const lateMs = NOW_MS + 2_000 - 40
    check(aligned, 1, lateMs)
    expect(leaseOf(aligned, 20, lateMs)).toEqual({ tokens: 8, forMs: 39 })
    const sliding = leasing(window({ type: 'sliding-window' }, 1_000, 32_000))
    check(sliding, 1, NOW_MS + 950)
    expect(leaseOf(sliding, 20, NOW_MS + 950)?.forMs).toBe(49)
  })

  test('is in use up to the new burst when limits change', () => {
    const limiter = leasing(policyOf(10_000, 1_000, 4_000))
    check(limiter, 10, NOW_MS)
    leaseOf(limiter, 1_000, NOW_MS)
    const smaller = { name: 'rule', limits: [policyOf(100, 1_000, 10)], leases: true }
    limiter.change([smaller], () => true, NOW_MS + 1)
    expect(check(limiter, 1, NOW_MS + 1)).toMatchObject({ type: 'refused', resetMs: 100 })
    expect(check(limiter, 10, NOW_MS + 101).type).toBe('allowed')
  })

  test('is in what is handed over, and outlives a reset', () => {
    const limiter = leasing(policyOf(1, 3_600_000, 100))
    const state = stateOf(limiter)
    check(limiter, 1, NOW_MS)
    leaseOf(limiter, 20, NOW_MS)
    const [[block] = []] = limiter.handOver(() => true, NOW_MS).levels
    expect(block?.entries[2]).toBe(21 * 3_600_000)
    expect(state.adjust('reset', state.hash('key'), 0, NOW_MS)).toMatchObject({ remaining: 80 })
  })
})

describe('no lease', () => {
  test('is of too few tokens, nor of a key that nothing was admitted of', () => {
    const limiter = leasing(policyOf(1, 3_600_000, 100))
    expect(leaseOf(limiter, 20, NOW_MS)).toBeUndefined()
    check(limiter, 85, NOW_MS)
    expect(leaseOf(limiter, 20, NOW_MS)).toBeUndefined()
    expect(check(limiter, 0, NOW_MS)).toMatchObject({ remaining: 15 })
  })

  test.each([
    ['a leaky bucket', { ...policyOf(100, 1_000, 100), algorithm: { type: 'leaky-bucket' } }],
    ['permits', window({ type: 'concurrency' })],
    ['a window from the first hit', window({ type: 'fixed-window', opens: 'first-hit' })],
  ] as const)('is of %s, nor of a rule that has such a limit', (_, policy) => {
    for (const limits of [[policy], [policyOf(100, 1_000, 100), policy]]) {
      const limiter = leasing(...limits)
      check(limiter, 1, NOW_MS)
      expect(leaseOf(limiter, 20, NOW_MS)).toBeUndefined()
    }
  })

  test('is of a rule that does not say so', () => {
    const limiter = limiterOf([{ name: 'rule', limits: [policyOf(100, 1_000, 100)] }])
    check(limiter, 1, NOW_MS)
    expect(leaseOf(limiter, 20, NOW_MS)).toBeUndefined()
  })

  test('is granted while a share of the limit is enforced', () => {
    const limiter = leasing(policyOf(100, 1_000, 100))
    const state = stateOf(limiter)
    const share = { type: 'share', share: { reached: 1, members: 2 } } as const
    state.decide(state.hash('key'), 1, NOW_MS, share)
    expect(leaseOf(limiter, 20, NOW_MS)).toBeUndefined()
  })

  test('is of more keys than there is room for', () => {
    const limiter = leasing(policyOf(100, 1_000, 100))
    for (let key = 0; key <= LEASED_KEYS_MAX; key++) {
      check(limiter, 1, NOW_MS, `key ${key}`)
      const lease = leaseOf(limiter, 20, NOW_MS, 2, `key ${key}`)
      expect(lease === undefined).toBe(key === LEASED_KEYS_MAX)
    }
    stateOf(limiter).sweep(4_096, NOW_MS + 2 * FOR_MS)
    check(limiter, 1, NOW_MS + 2 * FOR_MS)
    expect(leaseOf(limiter, 20, NOW_MS + 2 * FOR_MS)).toBeDefined()
  })
})

/** Something that happens after so many milliseconds, with so many tokens. */
const step = fc.record({
  afterMs: fc.oneof(fc.nat(20), fc.nat(150)),
  what: fc.constantFrom('check', 'check', 'lease', 'spend', 'spend', 'refund'),
  tokens: fc.integer({ min: 1, max: 60 }),
})

describe.each(LEASABLE)('leases of a %s', (_, policy) => {
  test('add no overshoot, whenever they are given out and whatever is given back', () => {
    const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const limiter = leasing(policy)
      const state = stateOf(limiter)
      const meter = meterOf(policy)
      const held: { left: number; lastMs: number }[] = []
      let nowMs = NOW_MS
      for (const { afterMs, what, tokens } of steps) {
        nowMs += afterMs
        if (what === 'check') {
          const cost = Math.min(tokens, policy.burst)
          if (check(limiter, cost, nowMs).type === 'allowed') meter.pass(nowMs, cost)
        } else if (what === 'lease') {
          const lease = leaseOf(limiter, tokens, nowMs)
          if (lease !== undefined) held.push({ left: lease.tokens, lastMs: nowMs + lease.forMs })
        } else if (what === 'refund') {
          const cost = Math.min(tokens, Math.ceil(meter.levelAt(nowMs)))
          state.adjust('refund', state.hash('key'), cost, nowMs)
          meter.giveBack(nowMs, cost)
        } else {
          const lease = held.find(({ left, lastMs }) => left > 0 && lastMs >= nowMs)
          const spent = Math.min(tokens, lease?.left ?? 0)
          if (lease !== undefined) lease.left -= spent
          if (spent > 0) meter.pass(nowMs, spent)
        }
        expect(meter.levelAt(nowMs)).toBeLessThanOrEqual(policy.burst + ROUNDING)
      }
    })
    fc.assert(property, { numRuns: 400 })
  })

  test('leave `retryAfterMs` honest', () => {
    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const limiter = leasing(policy)
      let nowMs = NOW_MS
      for (const { afterMs, what, tokens } of steps) {
        nowMs += afterMs
        if (what === 'lease') leaseOf(limiter, tokens, nowMs)
        else check(limiter, Math.min(tokens, policy.burst), nowMs)
      }
      const cost = Math.ceil(policy.burst / 3)
      const decision = check(limiter, cost, nowMs)
      if (decision.type === 'allowed') return
      expect(check(limiter, cost, nowMs + decision.retryAfterMs).type).toBe('allowed')
    })
    fc.assert(property, { numRuns: 400 })
  })
})
