import { describe, expect, test } from 'vitest'
import { judge, tokensOfStandIns } from './judge.ts'
import { DEMO } from './rules.ts'
import type { Seen } from './seen.ts'

const exact: Seen = {
  ...{ wantedMs: 0, sentMs: 0, doneMs: 1, cost: 1, unanswered: [] },
  ...{ status: 200, allowed: true, degraded: false },
}
const burst = Array.from({ length: DEMO.burst }, () => exact)

describe('the judge', () => {
  test('holds a token above the burst against a bound of 0', () => {
    expect(judge(burst, 0).isWithin).toBe(true)
    expect(judge([...burst, { ...exact, cost: 3 }], 0).isWithin).toBe(false)
  })

  test('counts as those of stand-ins what they admitted, and what their answers say', () => {
    const byStandIn = { ...exact, cost: 3, degraded: true }
    const refused = { ...byStandIn, allowed: false }
    expect(tokensOfStandIns([...burst, byStandIn, refused])).toBe(3)
    expect(judge([...burst, byStandIn], 3).isWithin).toBe(true)
  })
})
