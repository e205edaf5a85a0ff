import type { NodeId } from '../../crdt/node-id.ts'
import { DISTRUST_MS, DISTRUSTED_MAX, RUBBISH_FORGIVEN_MS, RUBBISH_FRAMES_MAX } from './limits.ts'

interface Record {
  /** Frames that made no sense, less those forgiven since. */
  frames: number
  atMs: number
  /** Until when the peer is out; in the past for one that is not. */
  outUntilMs: number
}

/**
 * Which peers have sent frames that make no sense, and are out for a while because of it. A bucket per peer: it fills
 * by a frame at a time and leaks slowly, so that a defect now and then costs nobody a link.
 */
export class Distrust {
  readonly #records = new Map<NodeId, Record>()

  /** One more of the peer's frames made no sense. True when it is out from now on. */
  add(peer: NodeId, nowMs: number): boolean {
    const record = this.#record(peer, nowMs)
    const forgiven = (nowMs - record.atMs) / RUBBISH_FORGIVEN_MS
    record.frames = Math.max(0, record.frames - forgiven) + 1
    record.atMs = nowMs
    if (record.frames <= RUBBISH_FRAMES_MAX || nowMs < record.outUntilMs) return false
    record.outUntilMs = nowMs + DISTRUST_MS
    record.frames = 0
    return true
  }

  isOut(peer: NodeId, nowMs: number): boolean {
    const record = this.#records.get(peer)
    return record !== undefined && nowMs < record.outUntilMs
  }

  /** Of too many peers, those are forgotten who sent nothing bad for the longest time. */
  #record(peer: NodeId, nowMs: number): Record {
    const known = this.#records.get(peer)
    this.#records.delete(peer)
    const [oldest] = this.#records.keys()
    if (this.#records.size >= DISTRUSTED_MAX && oldest !== undefined) this.#records.delete(oldest)
    const record = known ?? { frames: 0, atMs: nowMs, outUntilMs: nowMs }
    this.#records.set(peer, record)
    return record
  }
}
