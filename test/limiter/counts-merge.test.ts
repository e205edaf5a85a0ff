import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Counts } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { oldestLive, sliceAt } from '../../crdt/sliced-counter.ts'
import { ACTORS_MAX } from '../../src/limiter/actor-table.ts'
import type { Limit } from '../../src/limiter/limit.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import { limiterOf, liveCounts, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

/** 100 tokens refilled in a second: slices of 125 ms, in which at most 113 are admitted. */
const RULE = ruleOf(policyOf(100, 1_000, 100))
const [n1, n2, n3] = ['n1', 'n2', 'n3'] as NodeId[] as [NodeId, NodeId, NodeId]
const NEWS = { raised: 0, expired: 0, future: 0, foreign: 0, violations: 0 }

function limitOf(limiter: Limiter): Limit {
  return stateOf(limiter).store.limits[0] as Limit
}

interface Claim {
  readonly actor?: NodeId
  readonly incarnation?: number
  readonly rule?: string
  readonly sliceMs?: readonly number[]
  /** Slices from the current one. */
  readonly age?: number
  readonly counts?: readonly number[]
  readonly key?: string
}

/** One entry, as a peer could send it. */
function claim(limiter: Limiter, told: Claim = {}): Counts {
  const { actor = n2, incarnation = 1, rule = 'rule', key = 'key', age = 0, counts = [1] } = told
  const { hi, lo } = stateOf(limiter).hash(key)
  const limit = limitOf(limiter)
  const { sliceMs = [limit.sliceMs] } = told
  const base = sliceAt(limit, NOW_MS) - 1_000
  const entries = [hi, lo, 0, 1_000 - age, counts.length, ...counts]
  return {
    actors: [{ node: actor, incarnation }],
    blocks: [{ rule, sliceMs, base: sliceMs.map(() => base), entries }],
  }
}

/** What becomes of a claim, and that it changes nothing unless it is told to. */
function fate(told: Claim, by: 'author' | 'relay' = 'author') {
  const limiter = limiterOf([RULE])
  const before = liveCounts(limiter, ['key'], NOW_MS)
  const result = limiter.merge(claim(limiter, told), by === 'author' ? n2 : undefined, NOW_MS)
  const changed = liveCounts(limiter, ['key'], NOW_MS).join() !== before.join()
  return { ...result, changed, keys: stateOf(limiter).store.table.keys }
}

describe('counts that a peer tells', () => {
  it('are believed as long as they are its own, recent and possible', () => {
    expect(fate({ counts: [113] })).toMatchObject({ raised: 1, changed: true })
    expect(fate({ age: 17 })).toMatchObject({ raised: 1, changed: true })
  })

  it('are a violation when they are in the name of another node', () => {
    expect(fate({ actor: n3 })).toEqual({ ...NEWS, violations: 1, changed: false, keys: 0 })
    expect(fate({ actor: n1 })).toEqual({ ...NEWS, violations: 1, changed: false, keys: 0 })
  })

  it('are a violation when no decider could have admitted so much in a slice', () => {
    const untouched = { ...NEWS, violations: 1, changed: false, keys: 0 }
    expect(fate({ counts: [114] })).toEqual(untouched)
    expect(fate({ age: 2, counts: [1, 0xffff_ffff, 1] })).toEqual(untouched)
    expect(fate({ counts: [114] }, 'relay')).toEqual(untouched)
  })

  it('are refused and counted when they are further ahead than clocks may be', () => {
    expect(fate({ age: -8 })).toMatchObject({ raised: 1 })
    expect(fate({ age: -9 })).toMatchObject({ ...NEWS, future: 1, changed: false, keys: 0 })
    expect(fate({ age: 0, counts: Array.from({ length: 10 }, () => 1) })).toMatchObject({
      future: 1,
    })
    expect(fate({ age: -0xffff_0000 })).toMatchObject({ future: 1, changed: false })
  })

  it('are ignored when they have fallen off, also in part', () => {
    expect(fate({ age: 18 })).toEqual({ ...NEWS, expired: 1, changed: false, keys: 0 })
    expect(fate({ age: 1_000, counts: [1, 1] })).toMatchObject({ expired: 1, keys: 0 })
    const limiter = limiterOf([RULE])
    limiter.merge(claim(limiter, { age: 19, counts: [5, 6, 7] }), n2, NOW_MS)
    const oldest = oldestLive(limitOf(limiter), sliceAt(limitOf(limiter), NOW_MS))
    expect(liveCounts(limiter, ['key'], NOW_MS)).toEqual([`key 0 ${oldest} n2#1 7`])
  })

  it('are ignored when their rule is unknown or sliced differently', () => {
    const foreign = { ...NEWS, foreign: 1, changed: false, keys: 0 }
    expect(fate({ rule: 'other' })).toEqual(foreign)
    expect(fate({ rule: '__proto__' })).toEqual(foreign)
    expect(fate({ sliceMs: [126] })).toEqual(foreign)
  })

  it('are ignored, entry by entry, when they come with more limits than the rule has', () => {
    const limiter = limiterOf([RULE])
    const { blocks, actors } = claim(limiter)
    const [block] = blocks
    const two = [125, 125]
    const entries = [...(block?.entries ?? []), 0, 1, 1]
    const twice = { rule: 'rule', sliceMs: two, base: two, entries: [...entries, ...entries] }
    expect(limiter.merge({ actors, blocks: [twice] }, n2, NOW_MS)).toEqual({ ...NEWS, foreign: 2 })
  })

  it('never decrease what is held', () => {
    const limiter = limiterOf([RULE])
    limiter.merge(claim(limiter, { counts: [9] }), n2, NOW_MS)
    const held = liveCounts(limiter, ['key'], NOW_MS)
    expect(limiter.merge(claim(limiter, { counts: [4] }), n2, NOW_MS)).toEqual(NEWS)
    expect(liveCounts(limiter, ['key'], NOW_MS)).toEqual(held)
  })

  it('are kept apart by incarnation', () => {
    const limiter = limiterOf([RULE])
    limiter.merge(claim(limiter, { counts: [9] }), n2, NOW_MS)
    limiter.merge(claim(limiter, { incarnation: 2, counts: [4] }), n2, NOW_MS)
    expect(liveCounts(limiter, ['key'], NOW_MS).map((line) => line.split(' ').slice(3))).toEqual([
      ['n2#1', '9'],
      ['n2#2', '4'],
    ])
  })
})

describe('counts that a peer relays', () => {
  it("may be anybody's, and those of an earlier life of this node", () => {
    expect(fate({ actor: n3 }, 'relay')).toMatchObject({ raised: 1 })
    const limiter = limiterOf([RULE], 'n1', { incarnation: 2 })
    const earlier = claim(limiter, { actor: n1, incarnation: 1, counts: [7] })
    expect(limiter.merge(earlier, undefined, NOW_MS)).toMatchObject({ raised: 1 })
  })

  it('never write into the counts of this life of this node', () => {
    const limiter = limiterOf([RULE])
    const state = stateOf(limiter)
    state.decide(state.hash('key'), 5, NOW_MS)
    const before = liveCounts(limiter, ['key'], NOW_MS)
    const forged = claim(limiter, { actor: n1, incarnation: 1, counts: [50] })
    expect(limiter.merge(forged, undefined, NOW_MS)).toEqual(NEWS)
    expect(liveCounts(limiter, ['key'], NOW_MS)).toEqual(before)
  })

  it('are ignored beyond the memory for actors, without taking any of it', () => {
    const limiter = limiterOf([RULE], 'n1', { keysMax: 2 * ACTORS_MAX })
    for (let incarnation = 1; incarnation < ACTORS_MAX; incarnation++) {
      const told = claim(limiter, { incarnation, key: `key ${incarnation}` })
      expect(limiter.merge(told, n2, NOW_MS).raised).toBe(1)
    }
    const beyond = claim(limiter, { incarnation: ACTORS_MAX })
    expect(limiter.merge(beyond, n2, NOW_MS)).toEqual({ ...NEWS, foreign: 1 })
  })

  it('of actors that are not wanted leave no trace of them', () => {
    const limiter = limiterOf([RULE])
    for (let incarnation = 1; incarnation <= ACTORS_MAX + 10; incarnation++) {
      limiter.merge(claim(limiter, { incarnation, age: 18 }), n2, NOW_MS)
    }
    expect(limiter.merge(claim(limiter), n2, NOW_MS).raised).toBe(1)
  })
})

describe('counts messages', () => {
  const rules = Array.from({ length: 5 }, (_, index) => ({ ...RULE, name: `rule-${index}` }))

  it('hold no more numbers, actors and rules than a message may, and lose nothing', () => {
    const maxima = fc.record({
      numbersMax: fc.integer({ min: 24, max: 200 }),
      actorsMax: fc.integer({ min: 1, max: 5 }),
      rulesMax: fc.integer({ min: 1, max: 5 }),
    })
    const entries = fc.array(fc.tuple(fc.nat(4), fc.nat(9), fc.integer({ min: 1, max: 6 })), {
      minLength: 1,
      maxLength: 40,
    })
    const property = fc.property(maxima, entries, (max, told) => {
      const [from, to] = [limiterOf(rules, 'n1', max), limiterOf(rules, 'n9', max)]
      for (const [rule, key, actor] of told) {
        const { hi, lo } = stateOf(from, `rule-${rule}`).hash(`key ${key}`)
        const base = sliceAt({ sliceMs: 125, slices: 18 }, NOW_MS)
        const block = {
          rule: `rule-${rule}`,
          sliceMs: [125],
          base: [base],
          entries: [hi, lo, 0, 0, 1, 3],
        }
        const actors = [{ node: `n${actor + 1}` as NodeId, incarnation: 7 }]
        from.merge({ actors, blocks: [block] }, undefined, NOW_MS)
      }
      const wanted = rules.map(({ name }) => ({ rule: name, bits: new Uint8Array(32).fill(255) }))
      let cursor: { rule: number; row: number } | undefined = { rule: 0, row: 0 }
      while (cursor !== undefined) {
        const step = from.repair(wanted, cursor, 7, NOW_MS)
        for (const counts of step.counts) {
          expect(counts.actors.length).toBeLessThanOrEqual(max.actorsMax)
          expect(counts.blocks.length).toBeLessThanOrEqual(max.rulesMax)
          expect(numbersOf(counts)).toBeLessThanOrEqual(max.numbersMax)
          to.merge(counts, undefined, NOW_MS)
        }
        cursor = step.next
      }
      const keys = Array.from({ length: 10 }, (_, key) => `key ${key}`)
      for (const { name } of rules) {
        expect(liveCounts(to, keys, NOW_MS, name)).toEqual(liveCounts(from, keys, NOW_MS, name))
      }
    })
    fc.assert(property, { numRuns: 150 })
  })

  it('name each rule once, however the keys are mixed', () => {
    const limiter = limiterOf(rules)
    const keys = Array.from({ length: 20 }, (_, index) => {
      const state = stateOf(limiter, `rule-${index % 5}`)
      const { hi, lo } = state.hash(`key ${index}`)
      state.decide({ hi, lo }, 1, NOW_MS)
      return { rule: state.rule.name, hashHi: hi, hashLo: lo }
    })
    const counts = limiter.countsOf(keys, { type: 'self' }, NOW_MS)
    expect(counts.blocks.map(({ rule }) => rule)).toEqual(rules.map(({ name }) => name))
    expect(numbersOf(counts)).toBe(20 * 6)
  })

  it('carry the newest slices of a row that is too long for one message', () => {
    const limiter = limiterOf([RULE], 'n1', { numbersMax: 3 + 2 + 4 })
    const state = stateOf(limiter)
    for (let slice = 0; slice < 10; slice++) {
      state.decide(state.hash('key'), 1, NOW_MS + slice * 125)
    }
    const [counts] = limiter.takeDelta(0, NOW_MS + 9 * 125)
    expect(counts?.blocks[0]?.entries.slice(3)).toEqual([14, 4, 1, 1, 1, 1])
  })

  it('about a key tell a peer what others than itself have admitted', () => {
    const limiter = limiterOf([RULE])
    const state = stateOf(limiter)
    const { hi, lo } = state.hash('key')
    state.decide({ hi, lo }, 5, NOW_MS)
    limiter.merge(claim(limiter, { counts: [6] }), n2, NOW_MS)
    limiter.merge(claim(limiter, { actor: n3, counts: [7] }), n3, NOW_MS)
    const ref = { rule: 'rule', hashHi: hi, hashLo: lo }
    const nodes = (counts: Counts) => counts.actors.map(({ node }) => node).sort()
    expect(nodes(limiter.countsOf([ref], { type: 'all', except: n2 }, NOW_MS))).toEqual([n1, n3])
    expect(nodes(limiter.countsOf([ref], { type: 'self' }, NOW_MS))).toEqual([n1])
    expect(limiter.countsOf([{ ...ref, rule: 'other' }], { type: 'self' }, NOW_MS).blocks).toEqual(
      [],
    )
  })
})

function numbersOf(counts: Counts): number {
  return counts.blocks.reduce((sum, { entries }) => sum + entries.length, 0)
}
