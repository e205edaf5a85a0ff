import type { NodeId } from '../crdt/node-id.ts'
import { CLOCK_WINDOW_MS } from './limits.ts'

/**
 * How old a frame is, by the clock of the peer that sent it. A stream keeps what was sent while the network
 * was cut and delivers it when it heals, half a minute later perhaps, and nothing in such a frame looks old.
 *
 * Nobody knows what a peer's clock says, but the quickest frame shows it best: the largest difference lately
 * seen between a frame's time of sending and its arrival is the peer's offset less the shortest delay. What
 * takes longer than that is late by the rest. (The minimum filter of NTP, RFC 5905, one way only.)
 *
 * Lately is the present window and the one before. Windows end by what arrives, never by silence, so that
 * what was known before a cut judges what the cut kept; and a clock that lost time, as that of a machine
 * that was suspended, is known anew after two of them.
 */
export class PeerClocks {
  readonly #windows = new Map<NodeId, Window>()

  /** A frame of this peer has arrived. Returns how much later than the quickest one, in milliseconds. */
  lateMs(peer: NodeId, sentMs: number, nowMs: number): number {
    const offsetMs = sentMs - nowMs
    let window = this.#windows.get(peer)
    if (window === undefined) {
      window = { sinceMs: nowMs, quickestMs: offsetMs, beforeMs: offsetMs }
      this.#windows.set(peer, window)
    } else if (nowMs - window.sinceMs > CLOCK_WINDOW_MS) {
      window.beforeMs = window.quickestMs
      window.quickestMs = offsetMs
      window.sinceMs = nowMs
    }
    window.quickestMs = Math.max(window.quickestMs, offsetMs)
    return Math.max(window.quickestMs, window.beforeMs) - offsetMs
  }

  /** By how much the peer's clock is ahead of this node's, less the shortest delay; by the quickest frame lately. */
  offsetMs(peer: NodeId): number | undefined {
    const window = this.#windows.get(peer)
    return window && Math.max(window.quickestMs, window.beforeMs)
  }

  /** A new link may be to a new life, with another clock. */
  forget(peer: NodeId): void {
    this.#windows.delete(peer)
  }
}

/** Offsets of the quickest frames, in this window and in the one before. Written in place, frame by frame. */
interface Window {
  sinceMs: number
  quickestMs: number
  beforeMs: number
}
