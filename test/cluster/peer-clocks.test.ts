import { describe, expect, it } from 'vitest'
import { CLOCK_WINDOW_MS } from '../../cluster/limits.ts'
import { PeerClocks } from '../../cluster/peer-clocks.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const peer = 'n2' as NodeId

describe('the clock of a peer', () => {
  it('makes no frame late as long as all take equally long, whatever it says', () => {
    const clocks = new PeerClocks()
    for (const nowMs of [1_000, 1_500, 2_000]) {
      expect(clocks.lateMs(peer, nowMs - 3_600_000, nowMs)).toBe(0)
    }
  })

  it('shows how much longer than the quickest frame another one took', () => {
    const clocks = new PeerClocks()
    clocks.lateMs(peer, 1_000, 1_050)
    clocks.lateMs(peer, 2_000, 2_001)
    expect(clocks.lateMs(peer, 3_000, 3_101)).toBe(100)
  })

  it('is ahead by what the quickest frame of late shows, less what that took', () => {
    const clocks = new PeerClocks()
    expect(clocks.offsetMs(peer)).toBeUndefined()
    clocks.lateMs(peer, 1_300, 1_000)
    clocks.lateMs(peer, 2_100, 2_000)
    expect(clocks.offsetMs(peer)).toBe(300)
    for (const laterMs of [CLOCK_WINDOW_MS, 2 * CLOCK_WINDOW_MS, 3 * CLOCK_WINDOW_MS]) {
      clocks.lateMs(peer, laterMs + 1_500, laterMs + 2_000)
      clocks.lateMs(peer, laterMs + 1_501, laterMs + 2_001)
    }
    expect(clocks.offsetMs(peer)).toBe(-500)
    clocks.forget(peer)
    expect(clocks.offsetMs(peer)).toBeUndefined()
  })

  it('shows frames that a cut network kept, each by its own age', () => {
    const clocks = new PeerClocks()
    clocks.lateMs(peer, 1_000, 1_001)
    expect(clocks.lateMs(peer, 2_000, 32_001)).toBeGreaterThan(29_000)
    expect(clocks.lateMs(peer, 31_990, 32_001)).toBeLessThan(20)
  })

  it('is known from before a cut, however long it was, to all that the cut kept', () => {
    const clocks = new PeerClocks()
    for (let nowMs = 0; nowMs <= 60_000; nowMs += 500) clocks.lateMs(peer, nowMs, nowMs + 1)
    const healedMs = 660_000
    for (let sentMs = 60_500; sentMs < 659_000; sentMs += 500) {
      expect(clocks.lateMs(peer, sentMs, healedMs)).toBeGreaterThan(900)
    }
    expect(clocks.lateMs(peer, healedMs, healedMs + 1)).toBe(0)
  })

  it('may lose time: after two windows it is taken as it is', () => {
    const clocks = new PeerClocks()
    const lostMs = 3_000
    clocks.lateMs(peer, 1_000, 1_000)
    let nowMs = 1_500
    for (; clocks.lateMs(peer, nowMs - lostMs, nowMs) > 0; nowMs += 500)
      expect(nowMs).toBeLessThan(25_000)
    expect(nowMs).toBeGreaterThan(CLOCK_WINDOW_MS)
  })

  it('is another one after a new link', () => {
    const clocks = new PeerClocks()
    clocks.lateMs(peer, 10_000, 1_000)
    expect(clocks.lateMs(peer, 2_000, 2_000)).toBeGreaterThan(8_000)
    clocks.forget(peer)
    expect(clocks.lateMs(peer, 2_500, 2_500)).toBe(0)
  })
})
