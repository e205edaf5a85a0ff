import { describe, expect, it } from 'vitest'
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
    expect(clocks.lateMs(peer, 3_000, 3_101)).toBeCloseTo(99, 0)
  })

  it('shows frames that a cut network kept, each by its own age', () => {
    const clocks = new PeerClocks()
    clocks.lateMs(peer, 1_000, 1_001)
    expect(clocks.lateMs(peer, 2_000, 32_001)).toBeGreaterThan(29_000)
    expect(clocks.lateMs(peer, 31_990, 32_001)).toBeLessThan(20)
  })

  it('may drift: what was seen long ago counts for less', () => {
    const clocks = new PeerClocks()
    clocks.lateMs(peer, 1_000, 1_000)
    // A hundred seconds later the peer's clock is 50 ms behind.
    expect(clocks.lateMs(peer, 100_950, 101_000)).toBe(0)
  })

  it('is another one after a new link', () => {
    const clocks = new PeerClocks()
    clocks.lateMs(peer, 10_000, 1_000)
    expect(clocks.lateMs(peer, 2_000, 2_000)).toBeGreaterThan(8_000)
    clocks.forget(peer)
    expect(clocks.lateMs(peer, 2_500, 2_500)).toBe(0)
  })
})
