import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import { inspectKey } from '../../src/limiter/inspect.ts'
import { NO_ROW } from '../../src/limiter/key-table.ts'
import type { Limit } from '../../src/limiter/limit.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
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

  it('have equal digests exactly when they hold equal counts', () => {
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

  it('never assume less of a key than the events they hold amount to', () => {
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

  it('write what an actor admitted, and nobody else: its counts sum to its admissions', () => {
    const property = fc.property(steps, (happenings) => {
      const rule = ruleOf(policyOf(7, 60_000, 7))
      const group = new GossipingLimiters(rule).play(
        happenings.filter(({ type }) => type !== 'pass'),
      )
      group.deliverAll()
      for (const [at, limiter] of group.limiters.entries()) {
        for (const key of group.keys) {
          const state = stateOf(limiter)
          const counts = inspectKey(state, limiter.actors, state.hash(key), group.nowMs)[0]?.counts
          const told = counts?.filter(({ actor }) => actor.node === `n${at}`)
          const admitted = group.admissions.filter(({ by, key: of }) => by === at && of === key)
          expect(total(told?.map(({ tokens }) => tokens))).toBe(
            total(admitted.map(({ tokens }) => tokens)),
          )
        }
      }
    })
    fc.assert(property, { numRuns: 100 })
  })
})

function total(numbers: readonly number[] = []): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}

describe('a replica that decides', () => {
  const rule = ruleOf(policyOf(10, 1_000, 100))

  function takeAll(limiter: Limiter, nowMs: number): number {
    const state = stateOf(limiter)
    let taken = 0
    while (state.decide(state.hash('key'), 1, nowMs).type === 'allowed') taken += 1
    return taken
  }

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

  it('raises its bucket above its size, and lets the debt go when the counts no longer hold it', () => {
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
