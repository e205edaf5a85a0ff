import type { NodeId } from '../crdt/node-id.ts'
import { SUSPECT_MISSED_TICKS, SUSPICION_MS } from './limits.ts'

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
  readonly #heardMs = new Map<NodeId, number>()

  constructor(gossipIntervalMs: number) {
    this.#gossipIntervalMs = gossipIntervalMs
  }

  heard(member: NodeId, nowMs: number): void {
    this.#heardMs.set(member, nowMs)
  }

  heardAtMs(member: NodeId): number | undefined {
    return this.#heardMs.get(member)
  }

  /** This node itself did nothing for `stallMs`: everybody gets that time back. */
  forgive(stallMs: number): void {
    for (const [member, heardMs] of this.#heardMs) this.#heardMs.set(member, heardMs + stallMs)
  }

  forget(member: NodeId): void {
    this.#heardMs.delete(member)
  }

  /** A member never heard is judged from the moment it is first asked about. */
  verdict(member: NodeId, nowMs: number): Verdict {
    const heardMs = this.#heardMs.get(member)
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
