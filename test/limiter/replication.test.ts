import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inspectKey } from '../../src/limiter/inspect.ts'
import { NO_ROW } from '../../src/limiter/key-table.ts'
import type { Limit } from '../../src/limiter/limit.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { type Admission, GossipingLimiters, steps } from '../support/gossiping-limiters.ts'
import { limiterOf, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

const RULES = [
  ruleOf(policyOf(100, 1_000, 100)),
  ruleOf(policyOf(7, 60_000, 7)),
  ruleOf(policyOf(50, 1_000, 10), policyOf(120, 60_000, 60)),
]
const rules = fc.constantFrom(...RULES)

/** Those of an actor's admissions that are in the counts that a replica holds of it. */
function held(
  replica: Limiter,
  admissions: readonly Admission[],
  key: string,
  nowMs: number,
  index: number,
): Admission[] {
  const state = stateOf(replica)
  const view = inspectKey(state, replica.actors, state.hash(key), nowMs)[index]
  if (view === undefined) return []
  return view.counts.flatMap(({ slice, actor, tokens }) => {
    let left = tokens
    return admissions.filter((admission) => {
      if (`n${admission.by}` !== actor.node || admission.key !== key || left <= 0) return false
      if (Math.floor(admission.atMs / view.limit.sliceMs) !== slice) return false
      left -= admission.tokens
      return left >= 0
    })
  })
}

/** The level, in units, that these admissions leave, event by event. */
function trueLevel(limit: Limit, admissions: readonly Admission[], nowMs: number): number {
  let level = 0
  let cursorMs = 0
  for (const { atMs, tokens } of [...admissions].sort((a, b) => a.atMs - b.atMs)) {
    level = Math.max(0, level - limit.drainPerMs * (atMs - cursorMs)) + tokens * limit.tokenUnits
    cursorMs = atMs
  }
  return Math.max(0, level - limit.drainPerMs * (nowMs - cursorMs))
}

describe('replicas that exchange their counts', () => {
  it('become equal once everything has been delivered, in whatever order and how often', () => {
    const property = fc.property(rules, steps, (rule, happenings) => {
      const group = new GossipingLimiters(rule).play(happenings, false)
      group.deliverAll()
      expect(group.live(1)).toEqual(group.live(0))
      expect(group.live(2)).toEqual(group.live(0))
    })
    fc.assert(property, { numRuns: 150 })
  })

  it('become equal by repair, whatever was lost, and then have nothing left to repair', () => {
    const property = fc.property(rules, steps, (rule, happenings) => {
      const group = new GossipingLimiters(rule).play(happenings)
      group.repair(0, 1)
      group.repair(1, 2)
      group.repair(0, 1)
      expect(group.live(1)).toEqual(group.live(0))
      expect(group.live(2)).toEqual(group.live(0))
      expect(group.repair(0, 2)).toBe(0)
      expect(group.repair(2, 1)).toBe(0)
    })
    fc.assert(property, { numRuns: 150 })
  })
})

describe('digests', () => {
  it('are equal exactly when the counts are', () => {
    const property = fc.property(rules, steps, (rule, happenings) => {
      const group = new GossipingLimiters(rule, 2).play(happenings)
      const [a, b] = group.limiters as [Limiter, Limiter]
      const digest = a.digest(Number.POSITIVE_INFINITY, group.nowMs)
      const oldest = digest.map(({ from }) => from)
      const digested = (at: number) =>
        group.live(at).filter((line) => {
          const [, limit, slice] = line.split(' ').map(Number) as [number, number, number]
          return slice >= (oldest[limit] as number)
        })
      const equal = JSON.stringify(digested(0)) === JSON.stringify(digested(1))
      expect(b.differing(digest).length === 0).toBe(equal)
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('show a difference in any slice that is live and will be for a while', () => {
    const a = limiterOf([ruleOf(policyOf(100, 1_000, 100))], 'n1')
    const { slices, sliceMs } = stateOf(a).store.limits[0] as Limit
    for (let age = 0; age < slices - 1; age++) {
      const b = limiterOf([ruleOf(policyOf(100, 1_000, 100))], 'n2')
      stateOf(b).decide(stateOf(b).hash('key'), 1, NOW_MS - age * sliceMs)
      expect(a.differing(b.digest(Number.POSITIVE_INFINITY, NOW_MS))).toHaveLength(1)
      expect(b.differing(a.digest(Number.POSITIVE_INFINITY, NOW_MS))).toHaveLength(1)
    }
  })

  it('cover only slices that have ended before the time they are told', () => {
    const [a, b] = [limiterOf([RULES[0] as Rule], 'n1'), limiterOf([RULES[0] as Rule], 'n2')]
    stateOf(b).decide(stateOf(b).hash('key'), 1, NOW_MS)
    expect(a.differing(b.digest(NOW_MS + 124, NOW_MS + 500))).toEqual([])
    expect(a.differing(b.digest(NOW_MS + 125, NOW_MS + 500))).toHaveLength(1)
  })
})

describe('what a replica holds', () => {
  it('is never less, in the level it assumes, than the events amount to', () => {
    const property = fc.property(rules, steps, (rule, happenings) => {
      const group = new GossipingLimiters(rule).play(happenings)
      for (const limiter of group.limiters) {
        const { store, hash } = {
          store: stateOf(limiter).store,
          hash: (key: string) => stateOf(limiter).hash(key),
        }
        for (const key of group.keys) {
          const row = store.table.find(hash(key).hi, hash(key).lo)
          if (row === NO_ROW) continue
          store.limits.forEach((limit, index) => {
            const events = held(limiter, group.admissions, key, group.nowMs, index)
            const truth = trueLevel(limit, events, group.nowMs)
            expect(store.folded(row, index, group.nowMs)).toBeGreaterThanOrEqual(truth)
            expect(store.assumed(row, index, group.nowMs)).toBeGreaterThanOrEqual(truth)
          })
        }
      }
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('is, of each actor, what that actor admitted and nothing else', () => {
    const timeless = steps.map((all) => all.filter(({ type }) => type !== 'pass'))
    const property = fc.property(rules, timeless, (rule, happenings) => {
      const group = new GossipingLimiters(rule).play(happenings)
      for (const [at, limiter] of group.limiters.entries()) {
        const state = stateOf(limiter)
        for (const key of group.keys) {
          const admitted = group.admissions.filter(({ by, key: of }) => by === at && of === key)
          for (const view of inspectKey(state, limiter.actors, state.hash(key), group.nowMs)) {
            const own = view.counts.filter(({ actor }) => actor.node === `n${at}`)
            expect(total(own)).toBe(total(admitted))
          }
        }
      }
    })
    fc.assert(property, { numRuns: 100 })
  })
})

function total(admitted: readonly { readonly tokens: number }[]): number {
  return admitted.reduce((sum, { tokens }) => sum + tokens, 0)
}
