import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import { ActorTable } from '../../src/limiter/actor-table.ts'
import type { Weight } from '../../src/limiter/admission.ts'
import { before, lift } from '../../src/limiter/late-counts.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { RuleState } from '../../src/limiter/rule-state.ts'
import { limiterOf, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

// A side of a split gives out its share of the limit and no more, whatever the burst and the cost.

const START_MS = 1_700_000_000_000

function sideOf(count: number, burst: number): RuleState {
  const rule = { name: 'r', limits: [{ rate: { count, periodMs: 1_000 }, burst }] }
  return new RuleState(rule, new ActorTable({ node: 'n1' as NodeId, incarnation: 1 }), {
    hashKey: { hi: 1, lo: 2 },
    keysMax: 16,
    gossipIntervalMs: 500,
    earlyFlushBurstShare: 0.1,
  })
}

function third(): Weight {
  return { type: 'share', share: { reached: 1, members: 3 } }
}

describe('three sides of one node each, asked all the time for a minute', () => {
  test.each([
    [100, 100, 1],
    [10, 10, 1],
    [10, 10, 5],
    [10, 10, 10],
    [1, 1, 1],
    [2, 5, 3],
  ])(
    'at %d/s with burst %d and cost %d admit together what one bucket would',
    (count, burst, cost) => {
      const seconds = 60
      let admitted = 0
      for (let side = 0; side < 3; side++) {
        const state = sideOf(count, burst)
        const key = state.hash('k')
        for (let ms = 0; ms < seconds * 1_000; ms += 5) {
          if (state.decide(key, cost, START_MS + ms, third()).type === 'allowed') admitted += cost
        }
      }
      // A side whose share is less than one check still lets the first one in.
      expect(admitted).toBeLessThanOrEqual(burst + count * seconds + 3 * cost)
      expect(admitted).toBeGreaterThan(0.9 * count * seconds - 3 * cost)
    },
  )
})

describe('a surcharge', () => {
  const hour: LimitPolicy = policyOf(1, 3_600_000, 100)
  const takeAll = (limiter: Limiter, weight: Weight) => {
    const state = stateOf(limiter)
    let taken = 0
    while (state.decide(state.hash('k'), 1, NOW_MS, weight).type === 'allowed') taken += 1
    return taken
  }
  const hear = (limiter: Limiter, other: Limiter) => {
    for (const counts of other.takeDelta(0, NOW_MS)) limiter.merge(counts, undefined, NOW_MS)
  }

  test('stands when late counts come in, and goes when the network is whole', () => {
    const [side, other] = [limiterOf([ruleOf(hour)], 'n1'), limiterOf([ruleOf(hour)], 'n2')]
    expect(takeAll(side, third())).toBe(33)
    for (let taken = 0; taken < 20; taken++) {
      stateOf(other).decide(stateOf(other).hash('k'), 1, NOW_MS)
    }
    hear(side, other)
    expect(takeAll(side, third())).toBe(0)
    expect(takeAll(side, { type: 'whole' })).toBe(100 - 33 - 20)
  })

  test('lies on what others of the same side admit, too: they have one share between them', () => {
    const [one, other] = [limiterOf([ruleOf(hour)], 'n1'), limiterOf([ruleOf(hour)], 'n2')]
    const state = stateOf(one)
    for (let taken = 0; taken < 10; taken++) {
      expect(state.decide(state.hash('k'), 1, NOW_MS, third()).type).toBe('allowed')
      expect(stateOf(other).decide(state.hash('k'), 1, NOW_MS, third()).type).toBe('allowed')
    }
    hear(one, other)
    hear(other, one)
    // A third of 100 is 33, and 20 of them are taken.
    expect(takeAll(one, third())).toBe(13)
  })

  test('is of each key by itself: another one decided by another share changes nothing', () => {
    const [one, other] = [limiterOf([ruleOf(hour)], 'n1'), limiterOf([ruleOf(hour)], 'n2')]
    const state = stateOf(one)
    const tenth: Weight = { type: 'share', share: { reached: 1, members: 10 } }
    state.decide(state.hash('k'), 1, NOW_MS, third())
    state.decide(state.hash('another'), 1, NOW_MS, tenth)
    for (let taken = 0; taken < 10; taken++) {
      stateOf(other).decide(state.hash('k'), 1, NOW_MS, third())
    }
    hear(one, other)
    expect(takeAll(one, third())).toBe(33 - 1 - 10)
  })

  test('is said to be the reason when the limit itself would allow', () => {
    const state = sideOf(1, 3)
    const key = state.hash('k')
    state.decide(key, 1, START_MS, third())
    expect(state.decide(key, 1, START_MS, third())).toMatchObject({ reason: 'partition_share' })
  })
})

describe('a late count', () => {
  test('never lowers a bucket', () => {
    const state = sideOf(1, 100)
    const key = state.hash('k')
    for (let taken = 0; taken < 99; taken++) state.decide(key, 1, START_MS)
    const row = state.store.table.find(key.hi, key.lo)
    const was = before(state.store, row, 0, START_MS)
    state.store.counters[0]?.clear(row)
    lift(state.store, row, 0, 0, was, START_MS)
    expect(state.decide(key, 1, START_MS).type).toBe('allowed')
    expect(state.decide(key, 1, START_MS).type).toBe('refused')
  })
})
