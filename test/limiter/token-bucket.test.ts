import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Decision } from '../../src/limiter/decision.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { limiterOf, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

/** One key of one limiter, asked at moments counted from `NOW_MS`. */
function bucket(...limits: readonly LimitPolicy[]) {
  const limiter = limiterOf([ruleOf(...limits)])
  const state = stateOf(limiter)
  const key = state.hash('key')
  return {
    check: (atMs: number, cost = 1): Decision => state.decide(key, cost, NOW_MS + atMs),
    take(times: number, atMs: number, cost = 1): void {
      for (let taken = 0; taken < times; taken++) this.check(atMs, cost)
    },
    sweep: (atMs: number): void => limiter.sweep(256, NOW_MS + atMs),
    get keys(): number {
      return state.store.table.keys
    },
  }
}

/**
 * What the bucket must do, in exact rational arithmetic: a level is a whole multiple of `1 / periodMs` of a
 * token. Shares no code and no reduction of fractions with the bucket.
 */
class Oracle {
  readonly #policy: LimitPolicy
  #level = 0n
  #takenMs = Number.NEGATIVE_INFINITY

  constructor(policy: LimitPolicy) {
    this.#policy = policy
  }

  /** While the clock is behind the last taking, nothing drains. */
  level(atMs: number): bigint {
    const elapsedMs = this.#level === 0n ? 0 : Math.max(0, atMs - this.#takenMs)
    const left = this.#level - BigInt(elapsedMs) * BigInt(this.#policy.rate.count)
    return left > 0n ? left : 0n
  }

  take(atMs: number, cost: number): void {
    if (cost === 0) return
    this.#level = this.level(atMs) + BigInt(cost) * BigInt(this.#policy.rate.periodMs)
    this.#takenMs = Math.max(this.#takenMs, atMs)
  }

  /** Milliseconds until `tokens` are left. */
  waitMs(atMs: number, tokens: number): number {
    const { rate, burst } = this.#policy
    const excess = this.level(atMs) - BigInt(burst - tokens) * BigInt(rate.periodMs)
    if (excess <= 0n) return 0
    return Math.max(0, this.#takenMs - atMs) + ceilDivide(excess, BigInt(rate.count))
  }

  remaining(atMs: number): number {
    const { rate, burst } = this.#policy
    return Math.max(0, burst - ceilDivide(this.level(atMs), BigInt(rate.periodMs)))
  }
}

function ceilDivide(a: bigint, b: bigint): number {
  return Number((a + b - 1n) / b)
}

function refillTimeMs({ rate, burst }: LimitPolicy): number {
  return (burst * rate.periodMs) / rate.count
}

const policies = fc
  .record({
    count: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constantFrom(1, 7, 100, 999_983)),
    periodMs: fc.oneof(
      fc.integer({ min: 1, max: 5_000 }),
      fc.constantFrom(1, 1_000, 60_000, 86_400_000),
    ),
    burst: fc.integer({ min: 1, max: 200 }),
  })
  .map(({ count, periodMs, burst }) => policyOf(count, periodMs, burst))

/** How far the clock moves before a check, in shares of a refill, and how much the check asks, in bursts. */
const step = fc.record({
  share: fc.oneof(fc.constant(0), fc.double({ min: -0.2, max: 1.2, noNaN: true })),
  ask: fc.double({ min: 0, max: 1, noNaN: true }),
  sweeps: fc.boolean(),
})

describe('a token bucket of 100/s and burst 100', () => {
  it('refuses the 101st check of a burst, and allows it exactly 10 ms later', () => {
    const one = bucket(policyOf(100, 1_000, 100))
    for (let taken = 1; taken <= 100; taken++) {
      expect(one.check(0)).toMatchObject({ type: 'allowed', remaining: 100 - taken })
    }
    expect(one.check(0)).toMatchObject({ type: 'refused', retryAfterMs: 10, remaining: 0 })
    expect(one.check(9)).toMatchObject({ type: 'refused', retryAfterMs: 1 })
    expect(one.check(10).type).toBe('allowed')
    expect(one.check(10)).toMatchObject({ type: 'refused', retryAfterMs: 10 })
    expect(one.check(19).type).toBe('refused')
    expect(one.check(20).type).toBe('allowed')
  })

  it('admits one check every 10 ms, for as long as it is asked every ms', () => {
    const one = bucket(policyOf(100, 1_000, 100))
    one.take(100, 0)
    const admittedAtMs: number[] = []
    for (let atMs = 1; atMs <= 5_000; atMs++) {
      if (one.check(atMs).type === 'allowed') admittedAtMs.push(atMs)
    }
    expect(admittedAtMs).toEqual(Array.from({ length: 500 }, (_, index) => (index + 1) * 10))
  })

  it('is whole again after a rest of one refill, and never holds more than its burst', () => {
    const one = bucket(policyOf(100, 1_000, 100))
    one.take(100, 0)
    expect(one.check(1_000, 0)).toMatchObject({ remaining: 100, resetMs: 0 })
    expect(one.check(3_600_000, 100)).toMatchObject({ type: 'allowed', remaining: 0 })
    expect(one.check(3_600_000).type).toBe('refused')
  })
})

describe('a check of cost 0', () => {
  it('tells what is left, takes nothing and remembers no key', () => {
    const one = bucket(policyOf(100, 1_000, 100))
    for (let asked = 0; asked < 300; asked++) {
      const untouched = { type: 'allowed', limit: 0, remaining: 100, resetMs: 0, delayMs: 0 }
      expect(one.check(0, 0)).toEqual(untouched)
    }
    expect(one.keys).toBe(0)
    one.take(100, 0)
    expect(one.check(0, 0)).toMatchObject({ type: 'allowed', remaining: 0, resetMs: 1_000 })
    expect(one.check(10).type).toBe('allowed')
  })
})

describe('a rule of several limits', () => {
  const perSecond = policyOf(10, 1_000, 10)
  const perMinute = policyOf(15, 60_000, 15)

  it('takes from none of them when one refuses', () => {
    const one = bucket(perSecond, perMinute)
    one.take(10, 0)
    one.take(5, 1_000)
    // The second limit is used up now, the first is half full and must stay so.
    expect(one.check(1_000)).toMatchObject({ type: 'refused', limit: 1, retryAfterMs: 3_000 })
    for (let asked = 0; asked < 50; asked++) expect(one.check(1_000).type).toBe('refused')
    expect(one.check(1_000, 0)).toMatchObject({ type: 'allowed', limit: 1, remaining: 0 })
    expect(one.check(4_000)).toMatchObject({ type: 'allowed', limit: 1, remaining: 0 })
  })

  it('is waited for as long as the slowest of those that refuse', () => {
    for (const limits of [
      [perSecond, perMinute],
      [perMinute, perSecond],
    ]) {
      const one = bucket(...limits)
      one.take(10, 0)
      one.take(5, 500)
      const refused = one.check(500, 10)
      // Ten tokens are back after half a second in the one, after 40 s in the other.
      expect(refused).toMatchObject({ limit: limits.indexOf(perMinute), retryAfterMs: 39_500 })
    }
  })

  it('describes the tightest limit', () => {
    const one = bucket(perSecond, perMinute)
    expect(one.check(0)).toMatchObject({ limit: 0, remaining: 9, resetMs: 100 })
    one.take(9, 0)
    expect(one.check(1_000)).toMatchObject({ limit: 1, remaining: 4 })
  })
})

describe('any token bucket, at any times, costs and sweeps', () => {
  it('decides as exact rational arithmetic does, even when the clock goes backwards', () => {
    const many = fc.array(policies, { minLength: 1, maxLength: 3 })
    const property = fc.property(many, fc.array(step, { maxLength: 60 }), (limits, steps) => {
      const one = bucket(...limits)
      const oracles = limits.map((policy) => new Oracle(policy))
      const costMax = Math.min(...limits.map(({ burst }) => burst))
      const refillMs = Math.max(...limits.map((policy) => refillTimeMs(policy)))
      let newestMs = 0
      let atMs = 0
      for (const { share, ask, sweeps } of steps) {
        atMs = Math.max(newestMs - Math.floor(refillMs / 2), atMs + Math.round(share * refillMs))
        newestMs = Math.max(newestMs, atMs)
        const cost = Math.round(ask * costMax)
        if (sweeps) one.sweep(atMs)
        const waitMs = Math.max(...oracles.map((oracle) => oracle.waitMs(atMs, cost)))
        const decision = one.check(atMs, cost)
        expect(decision.type).toBe(waitMs === 0 ? 'allowed' : 'refused')
        if (waitMs === 0) for (const oracle of oracles) oracle.take(atMs, cost)
        const remaining = oracles.map((oracle) => oracle.remaining(atMs))
        const told = oracles[decision.limit] as Oracle
        expect(decision.resetMs).toBe(
          told.waitMs(atMs, (limits[decision.limit] as LimitPolicy).burst),
        )
        expect(decision.remaining).toBe(remaining[decision.limit])
        if (decision.type === 'refused') expect(decision.retryAfterMs).toBe(waitMs)
        else expect(decision.remaining).toBe(Math.min(...remaining))
      }
    })
    fc.assert(property, { numRuns: 400 })
  })

  it('says honestly when to retry: allowed exactly then, and refused 1 ms earlier', () => {
    const shares = fc.double({ min: 0, max: 1, noNaN: true })
    const property = fc.property(policies, shares, (policy, share) => {
      const one = bucket(policy)
      const cost = Math.max(1, Math.round(share * policy.burst))
      let decision = one.check(0, cost)
      while (decision.type === 'allowed') decision = one.check(0, cost)
      const { retryAfterMs } = decision
      expect(retryAfterMs).toBeGreaterThan(0)
      if (retryAfterMs > 1) expect(one.check(retryAfterMs - 1, cost).type).toBe('refused')
      expect(one.check(retryAfterMs, cost).type).toBe('allowed')
    })
    fc.assert(property, { numRuns: 300 })
  })
})
