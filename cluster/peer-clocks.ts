import type { NodeId } from '../crdt/node-id.ts'
import { CLOCK_DRIFT } from './limits.ts'

/**
 * How old a frame is, by the clock of the peer that sent it. A stream keeps what was sent while the network
 * was cut and delivers it when it heals, half a minute later perhaps, and nothing in such a frame looks old.
 *
 * Nobody knows what a peer's clock says, but the quickest frame shows it best: the largest difference ever
 * seen between a frame's time of sending and its arrival is the peer's offset less the shortest delay. What
 * takes longer than that is late by the rest. (The minimum filter of NTP, RFC 5905, one way only.) The clocks
 * of two running nodes differ by a constant but for drift, for neither follows its wall clock.
 */
export class PeerClocks {
  readonly #quickest = new Map<NodeId, { offsetMs: number; seenMs: number }>()

  /** A frame of this peer has arrived. Returns how much later than the quickest one, in milliseconds. */
  lateMs(peer: NodeId, sentMs: number, nowMs: number): number {
    const offsetMs = sentMs - nowMs
    const known = this.#quickest.get(peer)
    const expectedMs =
      known === undefined ? offsetMs : known.offsetMs - CLOCK_DRIFT * (nowMs - known.seenMs)
    if (known === undefined) this.#quickest.set(peer, { offsetMs, seenMs: nowMs })
    else if (offsetMs >= expectedMs) {
      // In place: nearly every frame of a steady network is among the quickest.
      known.offsetMs = offsetMs
      known.seenMs = nowMs
    }
    return Math.max(0, expectedMs - offsetMs)
  }

  /** A new link may be to a new life, with another clock. */
  forget(peer: NodeId): void {
    this.#quickest.delete(peer)
  }
}
