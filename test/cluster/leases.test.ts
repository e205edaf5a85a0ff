import { describe, expect, test } from 'vitest'
import { Leases } from '../../cluster/leases.ts'
import { LEASE_ASK_MS, LEASE_MS } from '../../cluster/limits.ts'

const OWNER = 'n1'
const KEY = ['rule', 1, 2] as const
const standing = { limit: 0, fullAtMs: 5_000, owner: OWNER }

/** An origin that has been asked for `demand` tokens of the key in the time before `atMs`. */
function origin(demand: number, atMs: number): Leases {
  const leases = new Leases(16)
  for (let asked = 0; asked < demand; asked++) {
    leases.spend(...KEY, 1, OWNER, atMs - LEASE_MS + (asked * LEASE_MS) / demand)
  }
  return leases
}

function grant(leases: Leases, tokens: number, askedMs: number, nowMs = askedMs): void {
  leases.hold(...KEY, { tokens, forMs: LEASE_MS, ...standing }, askedMs, nowMs)
}

describe("an origin's leases", () => {
  test('are asked for by what clients have asked for in the time of a lease', () => {
    expect(origin(40, 1_000).wanted(...KEY, 1_000)).toBe(40)
    expect(origin(4, 1_000).wanted(...KEY, 1_000)).toBeUndefined()
  })

  test('are spent token by token, and say what is left', () => {
    const leases = origin(40, 1_000)
    expect(leases.wanted(...KEY, 1_000)).toBe(40)
    grant(leases, 40, 1_000)
    expect(leases.spend(...KEY, 3, OWNER, 1_002)).toEqual({
      limit: 0,
      remaining: 37,
      fullAtMs: 5_000,
    })
    expect(leases.spend(...KEY, 38, OWNER, 1_003)).toBeUndefined()
    expect(leases.spend(...KEY, 37, OWNER, 1_003)).toMatchObject({ remaining: 0 })
    expect(leases.spend(...KEY, 1, OWNER, 1_004)).toBeUndefined()
  })

  test('are over a lifetime after they were asked for, however late they came', () => {
    const leases = origin(40, 1_000)
    leases.wanted(...KEY, 1_000)
    grant(leases, 100, 1_000, 1_020)
    expect(leases.spend(...KEY, 1, OWNER, 1_050)).toBeDefined()
    leases.wanted(...KEY, 1_000 + LEASE_MS - 1)
    expect(leases.spend(...KEY, 1, OWNER, 1_000 + LEASE_MS - 1)).toBeDefined()
    expect(leases.spend(...KEY, 1, OWNER, 1_000 + LEASE_MS)).toBeUndefined()
    const late = origin(40, 1_000)
    grant(late, 40, 1_000, 1_000 + LEASE_MS)
    expect(late.spend(...KEY, 1, OWNER, 1_000 + LEASE_MS)).toBeUndefined()
  })

  test('are renewed before they have run out, and not at every check', () => {
    const leases = origin(40, 1_000)
    leases.wanted(...KEY, 1_000)
    grant(leases, 40, 1_000)
    for (let spent = 0; spent < 31; spent++) {
      expect(leases.spend(...KEY, 1, OWNER, 1_020)).toBeDefined()
    }
    expect(leases.spend(...KEY, 1, OWNER, 1_020)).toBeUndefined()
    expect(leases.wanted(...KEY, 1_020)).toBeGreaterThan(30)
    expect(leases.spend(...KEY, 1, OWNER, 1_020 + LEASE_ASK_MS)).toBeDefined()
  })

  test('are not asked for again while what was asked for is on its way', () => {
    const leases = origin(40, 1_000)
    expect(leases.wanted(...KEY, 1_000)).toBe(40)
    leases.spend(...KEY, 10, OWNER, 1_000 + 2 * LEASE_ASK_MS)
    expect(leases.wanted(...KEY, 1_000 + 2 * LEASE_ASK_MS)).toBeUndefined()
    leases.spend(...KEY, 1, OWNER, 1_000 + LEASE_MS)
    expect(leases.wanted(...KEY, 1_000 + LEASE_MS)).toBeDefined()
  })

  test('are spent together by a check that costs more than is left of one', () => {
    const leases = origin(40, 1_000)
    leases.wanted(...KEY, 1_000)
    grant(leases, 10, 1_000)
    grant(leases, 10, 1_000)
    expect(leases.spend(...KEY, 20, OWNER, 1_001)).toMatchObject({ remaining: 0 })
  })

  test('of which one follows another: the one that ends first is spent first', () => {
    const leases = origin(40, 1_000)
    leases.wanted(...KEY, 1_000)
    grant(leases, 10, 1_000)
    grant(leases, 30, 1_040)
    leases.wanted(...KEY, 1_040)
    expect(leases.spend(...KEY, 10, OWNER, 1_041)).toMatchObject({ remaining: 30 })
    leases.wanted(...KEY, 1_120)
    expect(leases.spend(...KEY, 1, OWNER, 1_120)).toMatchObject({ remaining: 29 })
    expect(leases.spend(...KEY, 1, OWNER, 1_040 + LEASE_MS)).toBeUndefined()
  })
})

describe('leases end early', () => {
  test('when the key has another owner, the rules change, or the clock goes back', () => {
    const held = () => {
      const leases = origin(40, 1_000)
      leases.wanted(...KEY, 1_000)
      grant(leases, 40, 1_000)
      expect(leases.spend(...KEY, 1, OWNER, 1_001)).toBeDefined()
      return leases
    }
    const moved = held()
    expect(moved.spend(...KEY, 1, 'n3', 1_002)).toBeUndefined()
    expect(moved.spend(...KEY, 1, OWNER, 1_003)).toBeUndefined()
    const changed = held()
    changed.forgetAll()
    expect(changed.spend(...KEY, 1, OWNER, 1_002)).toBeUndefined()
    const setBack = held()
    expect(setBack.spend(...KEY, 1, OWNER, 1_000)).toBeUndefined()
    expect(setBack.spend(...KEY, 1, OWNER, 1_002)).toBeUndefined()
  })

  test('by no other key, unless theirs is not hot any more', () => {
    const leases = origin(40, 1_000)
    leases.wanted(...KEY, 1_000)
    grant(leases, 40, 1_000)
    expect(leases.spend('rule', 9, 2 + 16, 1, OWNER, 1_001)).toBeUndefined()
    expect(leases.spend(...KEY, 1, OWNER, 1_001)).toBeDefined()
    expect(leases.spend('rule', 9, 2 + 16, 1, OWNER, 2_000)).toBeUndefined()
    expect(leases.spend(...KEY, 1, OWNER, 2_001)).toBeUndefined()
  })
})
