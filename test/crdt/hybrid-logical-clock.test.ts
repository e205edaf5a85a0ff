import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareTimestamps,
  HYBRID_EPOCH,
  HybridLogicalClock,
  type HybridTimestamp,
  LOGICAL_MAX,
} from '../../crdt/hybrid-logical-clock.ts'

const AHEAD_MS_MAX = 100

describe('a hybrid logical clock', () => {
  it('follows the wall clock while nothing is ahead of it', () => {
    const clock = new HybridLogicalClock(AHEAD_MS_MAX)
    expect(clock.tick(1_000)).toEqual({ wallMs: 1_000, logical: 0 })
    expect(clock.tick(1_001.7)).toEqual({ wallMs: 1_001, logical: 0 })
  })

  it('counts the events of one millisecond, and those while the wall clock is set back', () => {
    const clock = new HybridLogicalClock(AHEAD_MS_MAX)
    clock.tick(1_000)
    expect(clock.tick(1_000)).toEqual({ wallMs: 1_000, logical: 1 })
    expect(clock.tick(400)).toEqual({ wallMs: 1_000, logical: 2 })
  })

  it('goes past what it hears, by its own time, the heard time or the larger counter', () => {
    const cases: [HybridTimestamp, HybridTimestamp, number, HybridTimestamp][] = [
      [{ wallMs: 10, logical: 4 }, { wallMs: 12, logical: 7 }, 11, { wallMs: 12, logical: 8 }],
      [{ wallMs: 12, logical: 4 }, { wallMs: 10, logical: 7 }, 11, { wallMs: 12, logical: 5 }],
      [{ wallMs: 12, logical: 4 }, { wallMs: 12, logical: 7 }, 11, { wallMs: 12, logical: 8 }],
      [{ wallMs: 12, logical: 4 }, { wallMs: 10, logical: 7 }, 13, { wallMs: 13, logical: 0 }],
    ]
    for (const [last, heard, nowMs, timestamp] of cases) {
      const clock = new HybridLogicalClock(AHEAD_MS_MAX, last)
      expect(clock.receive(heard, nowMs)).toEqual({ type: 'received', timestamp })
    }
  })

  it('refuses a timestamp too far in the future, and is not moved by it', () => {
    const clock = new HybridLogicalClock(AHEAD_MS_MAX)
    const { last } = clock
    const heard = { wallMs: 1_101, logical: 0 }
    expect(clock.receive(heard, 1_000)).toEqual({ type: 'ahead', aheadMs: 101 })
    expect(clock.last).toEqual(last)
    expect(clock.receive(heard, 1_001).type).toBe('received')
  })

  it('carries a full counter into the next millisecond', () => {
    const clock = new HybridLogicalClock(AHEAD_MS_MAX)
    clock.receive({ wallMs: 1_000, logical: LOGICAL_MAX }, 1_000)
    expect(clock.last).toEqual({ wallMs: 1_001, logical: 0 })
  })

  it('goes on after the timestamps of an earlier life', () => {
    const earlier = { wallMs: 5_000, logical: 3 }
    const clock = new HybridLogicalClock(AHEAD_MS_MAX, earlier)
    expect(compareTimestamps(clock.tick(4_000), earlier)).toBeGreaterThan(0)
  })

  it('orders what can have caused what, whatever the wall clocks say', () => {
    const steps = fc.array(
      fc.record({ at: fc.nat(2), hearFrom: fc.option(fc.nat(2)), nowMs: fc.nat(80) }),
      { maxLength: 50 },
    )
    const causal = fc.property(steps, (events) => {
      const clocks = [0, 1, 2].map(() => new HybridLogicalClock(AHEAD_MS_MAX))
      let latestNowMs = 0
      for (const { at, hearFrom, nowMs } of events) {
        latestNowMs = Math.max(latestNowMs, nowMs)
        const clock = clocks[at] as HybridLogicalClock
        const before = clock.last
        const heard = (clocks[hearFrom ?? at] as HybridLogicalClock).last
        if (hearFrom === null) clock.tick(nowMs)
        else expect(clock.receive(heard, nowMs).type).toBe('received')
        expect(compareTimestamps(clock.last, before)).toBeGreaterThan(0)
        expect(compareTimestamps(clock.last, heard)).toBeGreaterThan(0)
        expect(clock.last.wallMs).toBeGreaterThanOrEqual(nowMs)
        expect(clock.last.wallMs).toBeLessThanOrEqual(latestNowMs)
      }
    })
    fc.assert(causal, { numRuns: 300 })
  })

  it('begins before every event', () => {
    expect(new HybridLogicalClock(AHEAD_MS_MAX).last).toEqual(HYBRID_EPOCH)
  })
})
