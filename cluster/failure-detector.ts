import type { NodeId } from '../crdt/node-id.ts'
import { SILENT_INTERVALS, SUSPECT_MISSED_TICKS, SUSPICION_MS } from './limits.ts'

/** What silence says: nothing yet, that something may be wrong, or that nobody will answer any more. */
export type Verdict = 'alive' | 'suspect' | 'dead'

/**
 * Turns silence into suspicion. Every gossip frame is a heartbeat; a member that misses
 * `SUSPECT_MISSED_TICKS` of them is suspected, and held dead after another `SUSPICION_MS` of silence.
 *
 * Slow on purpose: the request path fails over by itself in milliseconds, and the ring, which moves keys,
 * should change seldom. A stall of this node's own event loop silences everybody at once, so the time of a
 * stall never counts as silence.
 */
export class FailureDetector {
  readonly #gossipIntervalMs: number
  /** Written in place: a time that is replaced with every frame would be old-space garbage with every frame. */
  readonly #heard = new Map<NodeId, { atMs: number }>()

  constructor(gossipIntervalMs: number) {
    this.#gossipIntervalMs = gossipIntervalMs
  }

  heard(member: NodeId, nowMs: number): void {
    const heard = this.#heard.get(member)
    if (heard === undefined) this.#heard.set(member, { atMs: nowMs })
    else heard.atMs = nowMs
  }

  heardAtMs(member: NodeId): number | undefined {
    return this.#heard.get(member)?.atMs
  }

  /** Whether a member has missed a heartbeat. One that was never heard has missed none yet. */
  isSilent(member: NodeId, nowMs: number): boolean {
    const silentMs = nowMs - (this.#heard.get(member)?.atMs ?? nowMs)
    return silentMs > SILENT_INTERVALS * this.#gossipIntervalMs
  }

  /** This node itself did nothing for `stallMs`: whoever was heard before gets that time back. */
  forgive(stallMs: number, nowMs: number): void {
    for (const heard of this.#heard.values()) heard.atMs = Math.min(nowMs, heard.atMs + stallMs)
  }

  forget(member: NodeId): void {
    this.#heard.delete(member)
  }

  /** Not before this does the verdict on a member become another than it is. */
  nextVerdictMs(member: NodeId, verdict: Verdict): number {
    const heardMs = this.#heard.get(member)?.atMs
    if (heardMs === undefined) return Number.NEGATIVE_INFINITY
    const suspectMs = heardMs + SUSPECT_MISSED_TICKS * this.#gossipIntervalMs
    return verdict === 'alive' ? suspectMs : suspectMs + SUSPICION_MS
  }

  /** A member never heard is judged from the moment it is first asked about. */
  verdict(member: NodeId, nowMs: number): Verdict {
    const heardMs = this.#heard.get(member)?.atMs
    if (heardMs === undefined) {
      this.heard(member, nowMs)
      return 'alive'
    }
    const silentMs = nowMs - heardMs
    const suspectMs = SUSPECT_MISSED_TICKS * this.#gossipIntervalMs
    if (silentMs <= suspectMs) return 'alive'
    return silentMs <= suspectMs + SUSPICION_MS ? 'suspect' : 'dead'
  }
}
