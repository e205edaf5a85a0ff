import { describe, expect, it } from 'vitest'
import type { Counts } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { oldestLive, sliceAt } from '../../crdt/sliced-counter.ts'
import { ACTORS_MAX, ActorTable, SELF } from '../../src/limiter/actor-table.ts'
import { EVICTION_ROWS } from '../../src/limiter/eviction.ts'
import { KeyStore } from '../../src/limiter/key-store.ts'
import { ACTING, DIRTY, KEY, NO_ROW } from '../../src/limiter/key-table.ts'
import { type Limit, limitOf } from '../../src/limiter/limit.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import type { RuleState } from '../../src/limiter/rule-state.ts'
import { limiterOf, liveCounts, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

/** 100 tokens, refilled in 10 s. */
const POLICY = policyOf(10, 1_000, 100)

function small(keysMax: number): { limiter: Limiter; state: RuleState } {
  const limiter = limiterOf([ruleOf(POLICY)], 'n1', { keysMax })
  return { limiter, state: stateOf(limiter) }
}

function use(state: RuleState, key: string, tokens: number, nowMs = NOW_MS): string {
  const decision = state.decide(state.hash(key), tokens, nowMs)
  return decision.type === 'allowed' ? 'allowed' : decision.reason
}

function holds(state: RuleState, key: string): boolean {
  const { hi, lo } = state.hash(key)
  return state.store.table.find(hi, lo) !== NO_ROW
}

/** One token of a key, admitted now by somebody else. */
function heardFrom(limiter: Limiter, node: string, incarnation: number, nowMs: number): Counts {
  const state = stateOf(limiter)
  const limit = state.store.limits[0] as Limit
  const { hi, lo } = state.hash('key')
  return {
    actors: [{ node: node as NodeId, incarnation }],
    blocks: [
      {
        rule: 'rule',
        sliceMs: [limit.sliceMs],
        base: [sliceAt(limit, nowMs)],
        entries: [hi, lo, 0, 0, 1, 1],
      },
    ],
  }
}

describe('a full table of keys', () => {
  it('never forgets a key that is being refused, whatever comes', () => {
    const { state } = small(32)
    const refused = Array.from({ length: 10 }, (_, index) => `refused-${index}`)
    for (const key of refused) use(state, key, 100)
    for (let other = 0; other < 2_000; other++) use(state, `other-${other}`, 1)
    expect(refused.filter((key) => use(state, key, 1) === 'allowed')).toEqual([])
  })

  it('lets go of an idle key before one that is in use', () => {
    const { state } = small(8)
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) use(state, key, 60)
    use(state, 'idle', 1)
    // 200 ms refill two tokens: only one key has none in use.
    use(state, 'new', 1, NOW_MS + 200)
    expect(holds(state, 'idle')).toBe(false)
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'new'])
      expect(holds(state, key)).toBe(true)
    expect(state.store.evicted).toBe(0)
  })

  it('gives up the least used key when none is idle, and counts that', () => {
    const { state } = small(4)
    for (const [key, used] of [
      ['a', 60],
      ['b', 20],
      ['c', 70],
      ['d', 90],
    ] as const) {
      use(state, key, used)
    }
    expect(use(state, 'new', 1)).toBe('allowed')
    expect(['a', 'b', 'c', 'd'].filter((key) => !holds(state, key))).toEqual(['b'])
    expect(state.store.evicted).toBe(1)
  })

  it('says that it is overloaded when every key is being refused, and recovers', () => {
    const { state } = small(16)
    for (let key = 0; key < 16; key++) use(state, `refused-${key}`, 100)
    expect(state.decide(state.hash('new'), 1, NOW_MS)).toMatchObject({
      type: 'refused',
      reason: 'overloaded',
    })
    const retryAtMs = NOW_MS + 1_000
    expect(use(state, 'new', 1, retryAtMs)).toBe('allowed')
  })

  it('finds a key to let go of wherever it is, within a few tries', () => {
    const rows = 4 * EVICTION_ROWS
    const { state } = small(rows)
    for (let key = 0; key < rows - 1; key++) use(state, `refused-${key}`, 100)
    use(state, 'idle', 1)
    let tries = 1
    while (use(state, 'new', 1) !== 'allowed') tries += 1
    expect(tries).toBeLessThanOrEqual(rows / EVICTION_ROWS)
  })

  it('keeps to its rows under a flood of new keys, and goes on deciding', () => {
    const { state } = small(64)
    const { table } = state.store
    for (let flood = 0; flood < 20_000; flood++) {
      expect(use(state, `flood-${flood}`, 1, NOW_MS + flood)).toBe('allowed')
    }
    expect(table.keys).toBeLessThanOrEqual(64)
    expect(table.rowsSeen).toBeLessThanOrEqual(64)
  })

  it('decides on its bucket when there is no row left to write the counts to', () => {
    const { limiter, state } = small(1)
    limiter.merge(heardFrom(limiter, 'n2', 1, NOW_MS), 'n2' as NodeId, NOW_MS)
    let allowed = 0
    while (use(state, 'key', 1) === 'allowed') allowed += 1
    expect(allowed).toBeGreaterThan(97)
    expect(allowed).toBeLessThanOrEqual(99)
  })
})

describe('the list of unsent keys', () => {
  it('has each row once, however many keys the row was given to', () => {
    const { limiter, state } = small(100)
    for (let key = 0; key < 10_000; key++) state.decide(state.hash(`key ${key}`), 1, NOW_MS)
    expect(state.store.unsent.size).toBe(100)
    const told = limiter.takeDelta(0, NOW_MS).flatMap(({ blocks }) => blocks)
    expect(told.flatMap(({ entries }) => entries).filter((_, at) => at % 6 === 0)).toHaveLength(100)
    expect(state.store.unsent.size).toBe(0)
    state.decide(state.hash('another'), 1, NOW_MS)
    expect(state.store.unsent.size).toBe(1)
  })

  it('passes over a key that was forgotten', () => {
    const { limiter, state } = small(100)
    const key = state.hash('forgotten')
    state.decide(key, 1, NOW_MS)
    state.store.forget(state.store.table.find(key.hi, key.lo), NOW_MS)
    expect(limiter.takeDelta(0, NOW_MS).flatMap(({ blocks }) => blocks)).toEqual([])
  })
})

describe('a sweep', () => {
  const LATER_MS = NOW_MS + 60_000

  it('lets go of spent keys, and digests return to nothing', () => {
    const { limiter, state } = small(64)
    for (let key = 0; key < 50; key++) use(state, `key-${key}`, 1 + key)
    limiter.merge(heardFrom(limiter, 'n2', 1, NOW_MS), 'n2' as NodeId, NOW_MS)
    limiter.takeDelta(0, NOW_MS)
    limiter.sweep(1_000, NOW_MS)
    expect(state.store.table.keys).toBe(51)
    limiter.sweep(1_000, LATER_MS)
    expect(state.store.table.keys).toBe(0)
    const digest = state.store.digests[0]?.between(0, Number.MAX_SAFE_INTEGER)
    expect(digest?.every((word) => word === 0)).toBe(true)
  })

  it('looks at no more rows than it is told to', () => {
    const { limiter, state } = small(64)
    for (let key = 0; key < 50; key++) use(state, `key-${key}`, 1)
    limiter.takeDelta(0, NOW_MS)
    limiter.sweep(10, LATER_MS)
    expect(state.store.table.keys).toBeGreaterThanOrEqual(40)
    for (let round = 0; round < 5; round++) limiter.sweep(10, LATER_MS)
    expect(state.store.table.keys).toBe(0)
  })

  it('keeps a key with something unsent, and one whose bucket is not whole', () => {
    const { limiter, state } = small(64)
    use(state, 'unsent', 1)
    limiter.sweep(64, LATER_MS)
    expect(holds(state, 'unsent')).toBe(true)
    limiter.takeDelta(0, LATER_MS)
    use(state, 'in use', 1, LATER_MS)
    limiter.takeDelta(0, LATER_MS)
    limiter.sweep(64, LATER_MS + 1)
    expect([holds(state, 'unsent'), holds(state, 'in use')]).toEqual([false, true])
  })

  it('lets go of the actors of dead incarnations, so that there is always room for the next', () => {
    const { limiter, state } = small(64)
    let nowMs = NOW_MS
    for (let incarnation = 1; incarnation <= ACTORS_MAX + 100; incarnation++) {
      nowMs += 2_000
      const counts = heardFrom(limiter, 'n2', incarnation, nowMs)
      expect(limiter.merge(counts, 'n2' as NodeId, nowMs)).toMatchObject({ raised: 1, foreign: 0 })
      limiter.sweep(64, nowMs)
    }
    const limit = state.store.limits[0] as Limit
    expect(state.store.table.rowsSeen).toBeLessThanOrEqual(limit.slices + 2)
  })
})

describe('a row that is used again', () => {
  it('carries nothing over from the key before', () => {
    const { limiter, state } = small(1)
    use(state, 'old', 40)
    limiter.sweep(1, NOW_MS)
    const { store } = state
    const { hi, lo } = state.hash('old')
    store.forget(store.table.find(hi, lo), NOW_MS)
    const { hi: newHi, lo: newLo } = state.hash('new')
    const row = store.open(newHi, newLo, SELF, NOW_MS)
    expect(store.table.isMarked(row, ACTING | DIRTY)).toBe(false)
    expect(store.table.isMarked(row, KEY)).toBe(true)
    expect(store.level(row, 0, NOW_MS)).toBe(0)
    expect(liveCounts(limiter, ['old', 'new'], NOW_MS)).toEqual([])
    expect(state.decide({ hi: newHi, lo: newLo }, 1, NOW_MS)).toMatchObject({ remaining: 99 })
    const entries = limiter.takeDelta(0, NOW_MS)[0]?.blocks[0]?.entries
    expect(entries?.slice(0, 2)).toEqual([newHi, newLo])
    expect(entries).toHaveLength(6)
  })

  it('gives back the numbers of its actors', () => {
    const actors = new ActorTable({ node: 'n1' as NodeId, incarnation: 1 })
    const store = new KeyStore([limitOf(POLICY, 500)], 4, actors)
    const other = actors.number({ node: 'n2' as NodeId, incarnation: 7 }) as number
    const key = store.open(1, 1, SELF, NOW_MS)
    const row = store.openActor(key, other, NOW_MS)
    const limit = store.limits[0] as Limit
    store.raise(row, 0, sliceAt(limit, NOW_MS), 5)
    expect(store.folded(key, 0, NOW_MS)).toBe(5 * limit.tokenUnits)
    store.forget(key, NOW_MS)
    expect(() => actors.of(other)).toThrow()
    expect(actors.of(SELF).node).toBe('n1')
    const digest = store.digests[0]?.between(
      oldestLive(limit, sliceAt(limit, NOW_MS)),
      sliceAt(limit, NOW_MS),
    )
    expect(digest?.every((word) => word === 0)).toBe(true)
  })
})
