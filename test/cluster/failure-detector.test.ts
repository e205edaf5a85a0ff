import { describe, expect, it } from 'vitest'
import { FailureDetector } from '../../cluster/failure-detector.ts'
import { SILENT_INTERVALS, SUSPECT_MISSED_TICKS, SUSPICION_MS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const GOSSIP_MS = 500
const n1 = 'n1' as NodeId
const SUSPECT_AFTER_MS = SUSPECT_MISSED_TICKS * GOSSIP_MS

describe('the failure detector', () => {
  it('suspects a member that missed three heartbeats, and gives it another while', () => {
    const detector = new FailureDetector(GOSSIP_MS)
    detector.heard(n1, 0)
    expect(detector.verdict(n1, SUSPECT_AFTER_MS)).toBe('alive')
    expect(detector.verdict(n1, SUSPECT_AFTER_MS + 1)).toBe('suspect')
    expect(detector.verdict(n1, SUSPECT_AFTER_MS + SUSPICION_MS)).toBe('suspect')
    expect(detector.verdict(n1, SUSPECT_AFTER_MS + SUSPICION_MS + 1)).toBe('dead')
  })

  it('calls a member silent that has missed a heartbeat, if there ever was one', () => {
    const detector = new FailureDetector(GOSSIP_MS)
    expect(detector.isSilent(n1, 1_000_000)).toBe(false)
    detector.heard(n1, 0)
    expect(detector.isSilent(n1, SILENT_INTERVALS * GOSSIP_MS)).toBe(false)
    expect(detector.isSilent(n1, SILENT_INTERVALS * GOSSIP_MS + 1)).toBe(true)
  })

  it('takes everything back when the member is heard', () => {
    const detector = new FailureDetector(GOSSIP_MS)
    detector.heard(n1, 0)
    detector.heard(n1, 60_000)
    expect(detector.verdict(n1, 60_000)).toBe('alive')
    expect(detector.heardAtMs(n1)).toBe(60_000)
  })

  it('judges a member it never heard from the moment it is asked', () => {
    const detector = new FailureDetector(GOSSIP_MS)
    expect(detector.heardAtMs(n1)).toBeUndefined()
    expect(detector.verdict(n1, 1_000_000)).toBe('alive')
    expect(detector.verdict(n1, 1_000_000 + SUSPECT_AFTER_MS + 1)).toBe('suspect')
  })

  it("does not count its own stall as anybody's silence", () => {
    const detector = new FailureDetector(GOSSIP_MS)
    detector.heard(n1, 0)
    detector.forgive(10_000, 10_000)
    expect(detector.verdict(n1, 10_000 + SUSPECT_AFTER_MS)).toBe('alive')
    expect(detector.verdict(n1, 10_000 + SUSPECT_AFTER_MS + 1)).toBe('suspect')
  })

  it('gives nothing to whoever was heard when the stall was over', () => {
    const detector = new FailureDetector(GOSSIP_MS)
    detector.heard(n1, 10_000)
    detector.forgive(9_000, 10_000)
    expect(detector.verdict(n1, 10_000 + SUSPECT_AFTER_MS + 1)).toBe('suspect')
  })

  it('remembers nothing of a member it forgot', () => {
    const detector = new FailureDetector(GOSSIP_MS)
    detector.heard(n1, 0)
    detector.forget(n1)
    expect(detector.heardAtMs(n1)).toBeUndefined()
    expect(detector.verdict(n1, 60_000)).toBe('alive')
  })
})
