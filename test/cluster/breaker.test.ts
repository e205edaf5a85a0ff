import { describe, expect, it } from 'vitest'
import { Breaker } from '../../cluster/breaker.ts'
import {
  BREAKER_MEMORY_MS,
  BREAKER_MISSES,
  BREAKER_PROBE_MS,
  BREAKER_WINDOW_MS,
} from '../../cluster/limits.ts'

function tripped(): Breaker {
  const breaker = new Breaker()
  for (let miss = 1; miss < BREAKER_MISSES; miss++) expect(breaker.missed(0)).toBe(false)
  expect(breaker.missed(0)).toBe(true)
  return breaker
}

describe('a breaker', () => {
  it('lets everything through while it is closed', () => {
    const breaker = new Breaker()
    for (let check = 0; check < 100; check++) expect(breaker.allows(check)).toBe(true)
    expect(breaker.isOpen).toBe(false)
  })

  it('opens after a few misses within its window', () => {
    expect(tripped().isOpen).toBe(true)
  })

  it('stays closed when misses are rare, or answers come between', () => {
    const breaker = new Breaker()
    for (let miss = 0; miss < 20; miss++) {
      expect(breaker.missed(miss * (BREAKER_WINDOW_MS / (BREAKER_MISSES - 1) + 1))).toBe(false)
    }
    for (let miss = 0; miss < 20; miss++) {
      expect(breaker.missed(100_000)).toBe(false)
      breaker.answered()
    }
    expect(breaker.isOpen).toBe(false)
  })

  it('opens at once when the link is lost, and says so once', () => {
    const breaker = new Breaker()
    expect(breaker.unlinked(0)).toBe(true)
    expect(breaker.unlinked(0)).toBe(false)
    expect(breaker.allows(1)).toBe(false)
  })

  it('lets one check through at each probe while it is open', () => {
    const breaker = tripped()
    const allowedAtMs: number[] = []
    for (let atMs = 0; atMs <= 4 * BREAKER_PROBE_MS; atMs++) {
      for (let check = 0; check < 5; check++) if (breaker.allows(atMs)) allowedAtMs.push(atMs)
    }
    expect(allowedAtMs).toEqual([1, 2, 3, 4].map((probe) => probe * BREAKER_PROBE_MS))
  })

  it('closes when nothing was missed for a while, and says so once', () => {
    const breaker = tripped()
    expect(breaker.lapse(BREAKER_MEMORY_MS)).toBe(false)
    breaker.missed(BREAKER_MEMORY_MS)
    expect(breaker.lapse(2 * BREAKER_MEMORY_MS)).toBe(false)
    expect(breaker.lapse(2 * BREAKER_MEMORY_MS + 1)).toBe(true)
    expect(breaker.lapse(2 * BREAKER_MEMORY_MS + 1)).toBe(false)
    expect(breaker.isOpen).toBe(false)
  })

  it('closes with any answer, and says so once', () => {
    const breaker = tripped()
    expect(breaker.answered()).toBe(true)
    expect(breaker.answered()).toBe(false)
    expect(breaker.allows(1)).toBe(true)
    // What was missed before is forgiven.
    expect(breaker.missed(1)).toBe(false)
  })
})
