import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Refusals } from '../../cluster/refusals.ts'

const REMEMBER_MS = 500

function refusal(untilMs: number) {
  return { limit: 0, remaining: 3, untilMs, fullAtMs: untilMs + 1_000 }
}

describe("an origin's memory of refusals", () => {
  it('repeats a refusal until the check could be allowed', () => {
    const refusals = new Refusals(16, REMEMBER_MS)
    refusals.remember('rule', 1, 2, 5, refusal(100), 0)
    expect(refusals.recall('rule', 1, 2, 5, 99)).toMatchObject({ remaining: 3, untilMs: 100 })
    expect(refusals.recall('rule', 1, 2, 5, 100)).toBeUndefined()
  })

  it('repeats none for longer than it may, however long it stands', () => {
    const refusals = new Refusals(16, REMEMBER_MS)
    refusals.remember('rule', 1, 2, 5, refusal(60_000), 1_000)
    expect(refusals.recall('rule', 1, 2, 5, 1_000 + REMEMBER_MS - 1)?.untilMs).toBe(60_000)
    expect(refusals.recall('rule', 1, 2, 5, 1_000 + REMEMBER_MS)).toBeUndefined()
  })

  it('repeats a refusal for the same rule, key and cost only', () => {
    const check = fc.tuple(
      fc.constantFrom('a', 'b'),
      fc.nat(2),
      fc.nat(40),
      fc.integer({ min: 1, max: 3 }),
    )
    const property = fc.property(fc.array(check, { maxLength: 30 }), check, (told, asked) => {
      const refusals = new Refusals(16, REMEMBER_MS)
      for (const [rule, hi, lo, cost] of told)
        refusals.remember(rule, hi, lo, cost, refusal(100), 0)
      const recalled = refusals.recall(...asked, 1)
      const last = told.filter(([, , lo]) => (lo & 15) === (asked[2] & 15)).at(-1)
      expect(recalled !== undefined).toBe(last?.join() === asked.join())
    })
    fc.assert(property, { numRuns: 500 })
  })
})
