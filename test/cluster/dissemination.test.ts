import { describe, expect, it } from 'vitest'
import { Dissemination } from '../../cluster/dissemination.ts'
import { DELTA_KEYS_PER_TICK, EARLY_FLUSH_MS } from '../../cluster/limits.ts'
import { seededRandom } from '../../cluster/random.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { limiterOf, liveCounts, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

const GOSSIP_MS = 500
const RULE = ruleOf(policyOf(100, 1_000, 100))

function author(seed = 1) {
  const limiter = limiterOf([RULE], 'n1')
  const dissemination = new Dissemination(limiter, seededRandom(seed), GOSSIP_MS, NOW_MS)
  const state = stateOf(limiter)
  const admit = (tokens: number, nowMs: number) => state.decide(state.hash('key'), tokens, nowMs)
  return { limiter, dissemination, admit }
}

describe('dissemination', () => {
  it('ticks every gossip interval, give or take a tenth, and not in step with others', () => {
    const ticksMs = (seed: number) => {
      const { dissemination } = author(seed)
      const atMs: number[] = []
      for (let nowMs = NOW_MS; nowMs < NOW_MS + 60_000; nowMs++) {
        if (!dissemination.isTickDue(nowMs)) continue
        atMs.push(nowMs)
        dissemination.take(nowMs)
      }
      return atMs
    }
    const one = ticksMs(1)
    expect(one[0]).toBeLessThan(NOW_MS + GOSSIP_MS)
    for (const [at, nowMs] of one.slice(1).entries()) {
      expect(nowMs - (one[at] as number)).toBeGreaterThanOrEqual(450)
      expect(nowMs - (one[at] as number)).toBeLessThanOrEqual(550)
    }
    expect(
      new Set(one.slice(1).map((nowMs, at) => nowMs - (one[at] as number))).size,
    ).toBeGreaterThan(20)
    expect(ticksMs(2)).not.toEqual(one)
    expect(ticksMs(1)).toEqual(one)
  })

  it('flushes early when a key has a tenth of its burst unsent, but not too often', () => {
    const { dissemination, admit } = author()
    admit(10, NOW_MS + 60)
    expect(dissemination.isFlushDue(NOW_MS + 60)).toBe(false)
    admit(1, NOW_MS + 60)
    expect(dissemination.isFlushDue(NOW_MS + EARLY_FLUSH_MS - 1)).toBe(false)
    expect(dissemination.isFlushDue(NOW_MS + 60)).toBe(true)
    expect(dissemination.take(NOW_MS + 60)).toHaveLength(1)
    expect(dissemination.isFlushDue(NOW_MS + 60 + EARLY_FLUSH_MS)).toBe(false)
    admit(11, NOW_MS + 61)
    expect(dissemination.isFlushDue(NOW_MS + 60 + EARLY_FLUSH_MS - 1)).toBe(false)
    expect(dissemination.isFlushDue(NOW_MS + 60 + EARLY_FLUSH_MS)).toBe(true)
  })

  it('has nothing to tell of keys that did not change', () => {
    const { dissemination, admit } = author()
    admit(1, NOW_MS)
    expect(dissemination.take(NOW_MS + 500)).toHaveLength(1)
    expect(dissemination.take(NOW_MS + 1_000)).toEqual([])
  })

  it('makes up with the next frame for one that was lost', () => {
    const { limiter, dissemination, admit } = author()
    const other = limiterOf([RULE], 'n2')
    for (let nowMs = NOW_MS; nowMs < NOW_MS + 500; nowMs += 50) admit(1, nowMs)
    dissemination.take(NOW_MS + 500)
    for (let nowMs = NOW_MS + 500; nowMs < NOW_MS + 1_000; nowMs += 50) admit(1, nowMs)
    for (const counts of dissemination.take(NOW_MS + 1_000)) {
      other.merge(counts, 'n1' as NodeId, NOW_MS + 1_000)
    }
    expect(liveCounts(limiter, ['key'], NOW_MS + 1_000)).toHaveLength(8)
    expect(liveCounts(other, ['key'], NOW_MS + 1_000)).toEqual(
      liveCounts(limiter, ['key'], NOW_MS + 1_000),
    )
  })
})

describe('a publication of many keys', () => {
  it('goes out a part at each tick, whole, and no key twice', () => {
    const keys = 2 * DELTA_KEYS_PER_TICK + 5
    const limiter = limiterOf([RULE], 'n1', { keysMax: 4 * keys })
    const state = stateOf(limiter)
    for (let key = 0; key < keys; key++) state.decide(state.hash(`k${key}`), 1, NOW_MS)
    const dissemination = new Dissemination(limiter, seededRandom(1), 500, NOW_MS)
    const told: number[] = []
    do {
      const entries = dissemination.take(NOW_MS).flatMap(({ blocks }) => blocks[0]?.entries ?? [])
      told.push(entries.length / 6)
    } while (dissemination.isUnderWay)
    expect(told).toEqual([DELTA_KEYS_PER_TICK, DELTA_KEYS_PER_TICK, 5])
    expect(limiter.unsentKeys).toBe(0)
  })
})
