import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Limit } from '../../src/limiter/limit.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import { limiterOf, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

const rule = ruleOf(policyOf(10, 1_000, 100))

function takeAll(limiter: Limiter, nowMs: number): number {
  const state = stateOf(limiter)
  let taken = 0
  while (state.decide(state.hash('key'), 1, nowMs).type === 'allowed') taken += 1
  return taken
}

describe('a replica that decides', () => {
  it('raises its bucket by what is heard late', () => {
    const [acting, other] = [limiterOf([rule], 'n1'), limiterOf([rule], 'n2')]
    const state = stateOf(acting)
    expect(state.decide(state.hash('key'), 10, NOW_MS)).toMatchObject({ remaining: 90 })
    stateOf(other).decide(state.hash('key'), 30, NOW_MS)
    for (const counts of other.takeDelta(0, NOW_MS)) acting.merge(counts, 'n2' as NodeId, NOW_MS)
    expect(state.decide(state.hash('key'), 0, NOW_MS)).toMatchObject({ remaining: 60 })
    for (const counts of other.takeDelta(0, NOW_MS)) acting.merge(counts, 'n2' as NodeId, NOW_MS)
    expect(state.decide(state.hash('key'), 0, NOW_MS)).toMatchObject({ remaining: 60 })
  })

  it('stays exact: what is heard late raises its bucket by no more than that', () => {
    const [acting, other] = [limiterOf([rule], 'n1'), limiterOf([rule], 'n2')]
    const state = stateOf(acting)
    const key = state.hash('key')
    state.decide(key, 10, NOW_MS)
    // Six tokens have drained since, which the counts of a whole slice cannot show.
    const laterMs = NOW_MS + 600
    stateOf(other).decide(key, 5, laterMs)
    for (const counts of other.takeDelta(0, laterMs)) acting.merge(counts, 'n2' as NodeId, laterMs)
    expect(state.decide(key, 0, laterMs)).toMatchObject({ remaining: 91 })
  })

  it('counts what the fold has let drain in a slice, though its own bucket was never empty', () => {
    const [acting, other] = [limiterOf([rule], 'n1'), limiterOf([rule], 'n2')]
    const state = stateOf(acting)
    const key = state.hash('key')
    const { sliceMs } = state.store.limits[0] as Limit
    const sliceStartMs = Math.ceil(NOW_MS / sliceMs) * sliceMs
    stateOf(other).decide(key, 5, sliceStartMs - 1)
    state.decide(key, 20, sliceStartMs)
    // The counts have the five drain to nothing first, and the twenty admitted now.
    const laterMs = sliceStartMs + 500
    for (const counts of other.takeDelta(0, laterMs)) acting.merge(counts, 'n2' as NodeId, laterMs)
    expect(state.decide(key, 0, laterMs)).toMatchObject({ remaining: 80 })
  })

  it('raises its bucket above its size, and pays the debt before it admits again', () => {
    const [acting, other] = [limiterOf([rule], 'n1'), limiterOf([rule], 'n2')]
    const state = stateOf(acting)
    takeAll(acting, NOW_MS)
    takeAll(other, NOW_MS)
    for (const counts of other.takeDelta(0, NOW_MS)) acting.merge(counts, 'n2' as NodeId, NOW_MS)
    const indebted = state.decide(state.hash('key'), 1, NOW_MS)
    expect(indebted).toMatchObject({ type: 'refused', remaining: 0, retryAfterMs: 10_100 })
    expect(state.decide(state.hash('key'), 1, NOW_MS + 10_099).type).toBe('refused')
    expect(state.decide(state.hash('key'), 1, NOW_MS + 10_100).type).toBe('allowed')
  })

  it('is out of any debt after the time for which counts are kept (invariant 16)', () => {
    const acting = limiterOf([rule], 'n1')
    const state = stateOf(acting)
    takeAll(acting, NOW_MS)
    for (const id of ['n2', 'n3', 'n4', 'n5'] as NodeId[]) {
      const other = limiterOf([rule], id)
      takeAll(other, NOW_MS)
      for (const counts of other.takeDelta(0, NOW_MS)) acting.merge(counts, id, NOW_MS)
    }
    const { slices, sliceMs } = state.store.limits[0] as Limit
    const key = state.hash('key')
    const ringMs = slices * sliceMs
    expect(state.decide(key, 1, NOW_MS)).toMatchObject({ retryAfterMs: ringMs + 100 })
    expect(state.decide(key, 1, NOW_MS + ringMs + 99).type).toBe('refused')
    expect(state.decide(key, 1, NOW_MS + ringMs + 100).type).toBe('allowed')
  })
})

describe('a replica that takes over', () => {
  it('admits after a crash at most what it had not been told', () => {
    const property = fc.property(fc.nat(100), fc.nat(100), (told, untold) => {
      const [owner, successor] = [limiterOf([rule], 'n1'), limiterOf([rule], 'n2')]
      const state = stateOf(owner)
      const taken = (times: number) => {
        let allowed = 0
        for (let asked = 0; asked < times; asked++) {
          if (state.decide(state.hash('key'), 1, NOW_MS).type === 'allowed') allowed += 1
        }
        return allowed
      }
      const seen = taken(told)
      for (const counts of owner.takeDelta(0, NOW_MS))
        successor.merge(counts, 'n1' as NodeId, NOW_MS)
      const unseen = taken(untold)
      const again = takeAll(successor, NOW_MS)
      expect(again).toBe(100 - seen)
      expect(seen + unseen + again - 100).toBeLessThanOrEqual(Math.min(100, unseen))
    })
    fc.assert(property, { numRuns: 100 })
  })
})

describe('a replica with something unsent', () => {
  it('asks for an early flush as soon as a tenth of a burst is unsent, and not after sending it', () => {
    const limiter = limiterOf([rule], 'n1')
    const state = stateOf(limiter)
    for (let taken = 1; taken <= 11; taken++) {
      expect(limiter.flushWanted).toBe(false)
      state.decide(state.hash('key'), 1, NOW_MS)
    }
    expect(limiter.flushWanted).toBe(true)
    expect(limiter.takeDelta(0, NOW_MS)).toHaveLength(1)
    expect(limiter.flushWanted).toBe(false)
    expect(limiter.takeDelta(0, NOW_MS)).toEqual([])
  })
})
