import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Latency } from '../../cluster/latency.ts'
import { FORWARD_TIMEOUT_MS_MAX, FORWARD_TIMEOUT_MS_MIN } from '../../cluster/limits.ts'

const CEILING_MS = FORWARD_TIMEOUT_MS_MAX

function timeoutAfter(answers: readonly number[]): number {
  const latency = new Latency()
  for (const tookMs of answers) latency.answered(tookMs)
  return latency.timeoutMs(CEILING_MS)
}

function times(count: number, tookMs: number): number[] {
  return Array.from({ length: count }, () => tookMs)
}

describe('the forward timeout', () => {
  it('is the ceiling until enough has been measured', () => {
    expect(timeoutAfter([])).toBe(CEILING_MS)
    expect(timeoutAfter(times(63, 1))).toBe(CEILING_MS)
    expect(timeoutAfter(times(64, 1))).toBe(FORWARD_TIMEOUT_MS_MIN)
  })

  it('is three times the 99th percentile, which one slow answer in a hundred does not move', () => {
    expect(timeoutAfter(times(320, 10))).toBe(30)
    expect(timeoutAfter([...times(318, 10), 100, 100])).toBe(30)
    expect(timeoutAfter([...times(310, 10), ...times(10, 40)])).toBe(120)
  })

  it('is never outside its bounds, whatever is measured', () => {
    const took = fc.double({ min: -5, max: 10_000, noNaN: true })
    const property = fc.property(fc.array(took, { maxLength: 300 }), (answers) => {
      const timeoutMs = timeoutAfter(answers)
      expect(timeoutMs).toBeGreaterThanOrEqual(FORWARD_TIMEOUT_MS_MIN)
      expect(timeoutMs).toBeLessThanOrEqual(CEILING_MS)
    })
    fc.assert(property)
  })

  it('follows when a peer becomes slower or faster', () => {
    const slow = times(5_000, 40)
    const fast = times(5_000, 2)
    expect(timeoutAfter([...fast, ...slow])).toBe(120)
    expect(timeoutAfter([...slow, ...fast, ...fast])).toBe(FORWARD_TIMEOUT_MS_MIN)
  })

  it('keeps to a ceiling that is below the floor', () => {
    const latency = new Latency()
    for (const tookMs of times(200, 50)) latency.answered(tookMs)
    expect(latency.timeoutMs(5)).toBe(5)
  })
})
