import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import { ActorTable } from '../../src/limiter/actor-table.ts'
import { RuleState } from '../../src/limiter/rule-state.ts'
import type { Weight } from '../../src/limiter/token-bucket.ts'

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
  test('stands when late counts come in, and goes when the network is whole', () => {
    const state = sideOf(1, 100)
    const key = state.hash('k')
    const take = (weight: Weight, atMs: number) => {
      let taken = 0
      while (state.decide(key, 1, atMs, weight).type === 'allowed') taken += 1
      return taken
    }
    expect(take(third(), START_MS)).toBe(33)
    const row = state.store.table.find(key.hi, key.lo)
    state.store.lift(row, 0, 20, START_MS)
    expect(take(third(), START_MS)).toBe(0)
    expect(take({ type: 'whole' }, START_MS)).toBe(67)
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
    state.store.counters[0]?.clear(row)
    state.store.lift(row, 0, 1, START_MS)
    expect(state.decide(key, 1, START_MS).type).toBe('allowed')
    expect(state.decide(key, 1, START_MS).type).toBe('refused')
  })
})
