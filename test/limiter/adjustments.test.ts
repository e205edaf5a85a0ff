import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import { sliceAt } from '../../crdt/sliced-counter.ts'
import type { Limit } from '../../src/limiter/limit.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import type { Algorithm, LimitPolicy } from '../../src/limiter/policy.ts'
import { limiterOf, NOW_MS, ruleOf, stateOf } from '../support/limiters.ts'

const ALGORITHMS: readonly Algorithm[] = [
  { type: 'token-bucket' },
  { type: 'sliding-window' },
  { type: 'fixed-window', opens: 'aligned' },
  { type: 'fixed-window', opens: 'first-hit' },
]

/** An hour, of which an aligned window has just begun, and no token comes back while a test runs. */
function policyOf(algorithm: Algorithm, count = 10): LimitPolicy {
  return { rate: { count, periodMs: 3_600_000 }, burst: count, algorithm }
}

function check(limiter: Limiter, cost: number, atMs = NOW_MS) {
  return stateOf(limiter).decide(stateOf(limiter).hash('key'), cost, atMs)
}

function adjust(
  limiter: Limiter,
  action: 'refund' | 'penalise' | 'reset',
  cost: number,
  atMs = NOW_MS,
) {
  return stateOf(limiter).adjust(action, stateOf(limiter).hash('key'), cost, atMs)
}

function tell(from: Limiter, to: Limiter, author: string, atMs = NOW_MS): void {
  for (const counts of from.takeDelta(0, atMs)) {
    expect(to.merge(counts, author as NodeId, atMs)).toMatchObject({ violations: 0, foreign: 0 })
  }
}

const NAMED = ALGORITHMS.map((one) => [Object.values(one).join(', '), one] as const)

describe.each(NAMED)('%s', (_, algorithm) => {
  const rules = [ruleOf(policyOf(algorithm))]

  test('a refund gives back what was taken, and no more', () => {
    const limiter = limiterOf(rules)
    check(limiter, 10)
    expect(adjust(limiter, 'refund', 3)).toMatchObject({ remaining: 3 })
    expect(check(limiter, 4)).toMatchObject({ type: 'refused' })
    expect(check(limiter, 3)).toMatchObject({ type: 'allowed', remaining: 0 })
    expect(adjust(limiter, 'refund', 1_000)).toMatchObject({ remaining: 10 })
    expect(check(limiter, 1)).toMatchObject({ type: 'allowed', remaining: 9 })
    expect(check(limiter, 10)).toMatchObject({ type: 'refused' })
  })

  test('a refund of a key that nobody knows is none', () => {
    const limiter = limiterOf(rules)
    expect(adjust(limiter, 'refund', 3)).toMatchObject({ remaining: 10 })
    expect(stateOf(limiter).store.table.keys).toBe(0)
  })

  test('a penalty is owed, and has to be paid first', () => {
    const limiter = limiterOf(rules)
    check(limiter, 8)
    expect(adjust(limiter, 'penalise', 5)).toMatchObject({ remaining: 0 })
    adjust(limiter, 'refund', 3)
    expect(check(limiter, 1).type).toBe('refused')
    adjust(limiter, 'refund', 1)
    expect(check(limiter, 1).type).toBe('allowed')
  })

  test('after a reset the key is new', () => {
    const limiter = limiterOf(rules)
    check(limiter, 7)
    expect(adjust(limiter, 'reset', 0)).toMatchObject({ remaining: 10, resetMs: 0 })
    expect(check(limiter, 10)).toMatchObject({ type: 'allowed' })
  })
})

describe.each(NAMED)(
  'what was given back is told ahead of what was admitted, %s',
  (_, algorithm) => {
    const rules = [ruleOf(policyOf(algorithm))]

    test('in a repair', () => {
      const [one, other] = [limiterOf(rules), limiterOf(rules, 'n2')]
      for (let times = 0; times < 100; times++) {
        check(one, 10)
        adjust(one, 'refund', 10)
      }
      check(one, 4)
      const wanted = [{ rule: 'rule', bits: new Uint8Array(32).fill(0xff) }]
      const { counts } = one.repair(wanted, { rule: 0, row: 0 }, 100, NOW_MS)
      for (const some of counts) {
        expect(other.merge(some, undefined, NOW_MS)).toMatchObject({ violations: 0, foreign: 0 })
      }
      expect(check(other, 0)).toMatchObject({ remaining: 6 })
    })

    test('by a third who passes it on', () => {
      const [one, other] = [limiterOf(rules), limiterOf(rules, 'n2')]
      const third = limiterOf(rules, 'n3')
      check(one, 1)
      tell(one, other, 'n1')
      adjust(one, 'refund', 1)
      for (let times = 0; times < 100; times++) {
        check(one, 10)
        adjust(one, 'refund', 10)
      }
      check(one, 4)
      tell(one, other, 'n1')
      const { hi, lo } = stateOf(other).hash('key')
      const keys = [{ rule: 'rule', hashHi: hi, hashLo: lo }]
      const passedOn = other.countsOf(keys, { type: 'all', except: 'n3' as NodeId }, NOW_MS)
      expect(third.merge(passedOn, undefined, NOW_MS)).toMatchObject({ violations: 0 })
      expect(check(third, 0)).toMatchObject({ remaining: 6 })
    })
  },
)

describe.each(NAMED)('what others hear of it, %s', (_, algorithm) => {
  const rules = [ruleOf(policyOf(algorithm))]

  test('whoever decides next knows of it', () => {
    const [one, other] = [limiterOf(rules, 'n1'), limiterOf(rules, 'n2')]
    check(one, 10)
    adjust(one, 'refund', 4)
    tell(one, other, 'n1')
    expect(check(other, 5)).toMatchObject({ type: 'refused', remaining: 4 })
    expect(check(other, 4).type).toBe('allowed')
    adjust(other, 'reset', 0)
    const third = limiterOf(rules, 'n3')
    tell(one, third, 'n1')
    tell(other, third, 'n2')
    expect(check(third, 0)).toMatchObject({ remaining: 10 })
  })

  test('whoever decides meanwhile learns of it, and it counts once', () => {
    const [one, other] = [limiterOf(rules, 'n1'), limiterOf(rules, 'n2')]
    check(one, 10)
    tell(one, other, 'n1')
    expect(check(other, 1).type).toBe('refused')
    adjust(one, 'refund', 4)
    const again = one.takeDelta(0, NOW_MS)
    for (let told = 0; told < 2; told++) {
      for (const counts of again) other.merge(counts, 'n1' as NodeId, NOW_MS)
    }
    expect(check(other, 0)).toMatchObject({ remaining: 4 })
  })

  test('taken and given back a hundred times is believed', () => {
    const [one, other] = [limiterOf(rules, 'n1'), limiterOf(rules, 'n2')]
    for (let round = 0; round < 100; round++) {
      expect(check(one, 10).type).toBe('allowed')
      adjust(one, 'refund', 10)
    }
    check(one, 6)
    tell(one, other, 'n1')
    expect(check(other, 0)).toMatchObject({ remaining: 4 })
  })

  test('what a replica assumes is never below what is in use', () => {
    const steps = fc.array(
      fc.tuple(
        fc.constantFrom('check', 'refund', 'penalise'),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(400_000),
      ),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const [one, other] = [limiterOf(rules, 'n1'), limiterOf(rules, 'n2')]
        let atMs = NOW_MS
        for (const [what, cost, passedMs] of all) {
          atMs += passedMs
          if (what === 'check') check(one, cost, atMs)
          else if (what === 'refund' || what === 'penalise') adjust(one, what, cost, atMs)
          for (const counts of one.takeDelta(0, atMs)) other.merge(counts, 'n1' as NodeId, atMs)
          const left = check(one, 0, atMs)
          expect(check(other, 0, atMs).remaining).toBeLessThanOrEqual(left.remaining)
        }
      }),
    )
  })
})

describe('what of a refund cannot be written', () => {
  const rules = [ruleOf(policyOf({ type: 'sliding-window' }))]

  test('is not told, and asks for no publication', () => {
    const [ahead, limiter] = [limiterOf(rules, 'n1'), limiterOf(rules, 'n2')]
    const limit = stateOf(limiter).store.limits[0] as Limit
    const nowMs = (sliceAt(limit, NOW_MS) + 1) * limit.sliceMs - 100
    // Of a slice that has not begun by the clock of the node that is asked to give it back.
    check(ahead, 5, nowMs + 200)
    for (const counts of ahead.takeDelta(0, nowMs + 200)) {
      limiter.merge(counts, 'n1' as NodeId, nowMs)
    }
    expect(adjust(limiter, 'refund', 3, nowMs)).toMatchObject({ remaining: 5 })
    expect(limiter.flushWanted).toBe(false)
    expect(limiter.unsentKeys).toBe(0)
  })
})

describe('what is counted beside what was given back', () => {
  const rules = [ruleOf({ rate: { count: 10, periodMs: 1_000 }, burst: 10 })]

  test('is believed by those for whom the latter has fallen off', () => {
    const [one, other] = [limiterOf(rules, 'n1'), limiterOf(rules, 'n2')]
    for (const atMs of [NOW_MS, NOW_MS + 2_000]) {
      check(one, 10, atMs)
      adjust(one, 'refund', 10, atMs)
    }
    // The slice of the first refund is over here, too, but nothing has been written where it was.
    check(one, 10, NOW_MS + 4_100)
    adjust(one, 'penalise', 30, NOW_MS + 4_100)
    tell(one, other, 'n1', NOW_MS + 4_100)
    expect(check(other, 0, NOW_MS + 4_100)).toMatchObject({ remaining: 0 })
  })

  test('is believed by whoever hears of both from a third', () => {
    const [one, other, third] = [
      limiterOf(rules, 'n1'),
      limiterOf(rules, 'n2'),
      limiterOf(rules, 'n3'),
    ]
    for (let round = 0; round < 3; round++) {
      check(one, 10)
      tell(one, other, 'n1')
      adjust(one, 'refund', 10)
    }
    tell(one, other, 'n1')
    const { hi, lo } = stateOf(one).hash('key')
    const wanted = [{ rule: 'rule', bits: new Uint8Array(32).fill(0xff) }]
    const repair = other.repair(wanted, { rule: 0, row: 0 }, 1_000, NOW_MS).counts
    const key = { rule: 'rule', hashHi: hi, hashLo: lo }
    const piggyback = other.countsOf([key], { type: 'all', except: 'n3' as NodeId }, NOW_MS)
    for (const counts of [...repair, piggyback]) {
      expect(counts.blocks).toHaveLength(1)
      expect(third.merge(counts, undefined, NOW_MS)).toMatchObject({ violations: 0 })
    }
  })

  test('is nothing where everything was given back', () => {
    const limiter = limiterOf(rules, 'n1')
    check(limiter, 10)
    adjust(limiter, 'refund', 10, NOW_MS + 275)
    const { store } = stateOf(limiter)
    expect(store.level(0, 0, NOW_MS + 275)).toBe(0)
    expect(store.folded(0, 0, NOW_MS + 275)).toBe(0)
  })
})

describe('what is given back of a window from its first hit', () => {
  const algorithm = { type: 'fixed-window', opens: 'first-hit' } as const
  const rules = [ruleOf({ rate: { count: 3, periodMs: 2_000 }, burst: 3, algorithm })]

  test('is of that window, however often it is taken and given back', () => {
    const [one, other] = [limiterOf(rules, 'n1'), limiterOf(rules, 'n2')]
    for (let atMs = NOW_MS; atMs < NOW_MS + 20_000; atMs += 10) {
      if (check(one, 1, atMs).type === 'allowed') adjust(one, 'refund', 1, atMs + 5)
      if (atMs % 2_000 < 30) check(one, 1, atMs)
      tell(one, other, 'n1', atMs + 5)
      const { store } = stateOf(other)
      // A window's tokens, and those of the one before that are less than a period old.
      expect(store.folded(0, 0, atMs + 5)).toBeLessThanOrEqual(6)
    }
  })
})

describe('a penalty at the end of a window from its first hit', () => {
  const algorithm = { type: 'fixed-window', opens: 'first-hit' } as const
  const rules = [ruleOf({ rate: { count: 2, periodMs: 20_000 }, burst: 2, algorithm })]

  test('leaves room for what the next one admits in the same slice', () => {
    const [one, other] = [limiterOf(rules, 'n1'), limiterOf(rules, 'n2')]
    const openedMs = NOW_MS - (NOW_MS % 625) + 100
    check(one, 1, openedMs)
    adjust(one, 'penalise', 6, openedMs + 19_990)
    expect(check(one, 2, openedMs + 20_000).type).toBe('allowed')
    tell(one, other, 'n1', openedMs + 20_000)
  })
})
