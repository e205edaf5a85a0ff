import type { NodeId } from '../crdt/node-id.ts'
import { JOIN_MS_MAX, JOIN_SETTLE_MS, JOIN_TIMEOUT_MS } from './limits.ts'

/**
 * When a joining node may take its place in the ring. It must not decide before it knows what the keys it
 * will own have already used:
 *
 * - if any member is active, once every active member is linked and has answered its pull;
 * - if it has found only other joiners, after `JOIN_SETTLE_MS`: the cluster is starting;
 * - if it has found nobody, after `JOIN_TIMEOUT_MS`: an answer alone is better than none.
 *
 * A pull is waited for as long as it makes progress: `JOIN_TIMEOUT_MS` from its last piece, `JOIN_MS_MAX` in all.
 */
export class Joining {
  #startMs: number
  #firstLinkMs: number | undefined

  constructor(nowMs: number) {
    this.#startMs = nowMs
  }

  linked(nowMs: number): void {
    this.#firstLinkMs ??= nowMs
  }

  /** This node did nothing for so long, as while it read a snapshot: nobody could have been found meanwhile. */
  forgive(stallMs: number): void {
    this.#startMs += stallMs
  }

  isDone(
    active: readonly NodeId[],
    hasBeenPulled: (peer: NodeId) => boolean,
    progressMs: number,
    nowMs: number,
  ): boolean {
    if (this.#firstLinkMs === undefined) return nowMs - this.#startMs >= JOIN_TIMEOUT_MS
    const waitedMs = nowMs - this.#firstLinkMs
    const stuckMs = nowMs - Math.max(this.#firstLinkMs, progressMs)
    if (stuckMs >= JOIN_TIMEOUT_MS || waitedMs >= JOIN_MS_MAX) return true
    if (active.length === 0) return waitedMs >= JOIN_SETTLE_MS
    return active.every(hasBeenPulled)
  }
}
