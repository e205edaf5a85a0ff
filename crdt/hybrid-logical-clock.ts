/**
 * Timestamps that respect cause and effect and yet stay near the wall clock.
 *
 * A timestamp is the largest physical time the node has seen, its own or somebody else's, and a counter
 * for events that share it. If one event can have influenced another, its timestamp is smaller, whatever
 * the clocks of the nodes say. Source: Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical Physical Clocks",
 * 2014, figure 5; both of its rules are "the successor of the latest of all that is known".
 */
export interface HybridTimestamp {
  /** Milliseconds since 1970, whole. */
  readonly wallMs: number
  /** Orders the events of one `wallMs`: a whole number in `[0, LOGICAL_MAX]`. */
  readonly logical: number
}

/** Largest counter. The event after it moves on to the next millisecond instead. */
export const LOGICAL_MAX = 0xffff

/** Before every event. */
export const HYBRID_EPOCH: HybridTimestamp = { wallMs: 0, logical: 0 }

/** A total order over the timestamps of one node; those of two nodes can be equal. */
export function compareTimestamps(a: HybridTimestamp, b: HybridTimestamp): number {
  return a.wallMs - b.wallMs || a.logical - b.logical
}

/** What became of a heard timestamp. */
export type Reception = Received | Ahead

export interface Received {
  readonly type: 'received'
  /** Of the event of hearing it: later than what was heard and than everything before. */
  readonly timestamp: HybridTimestamp
}

/** Refused: somebody's clock is wrong, and following it would drag this clock along for good. */
export interface Ahead {
  readonly type: 'ahead'
  /** How far the timestamp lies in this node's future. */
  readonly aheadMs: number
}

/**
 * The clock of one node. Invariants: every timestamp it gives is later than the one before; none is more
 * than `aheadMsMax` (and the carries of full counters) ahead of the latest `nowMs` it was given.
 */
export class HybridLogicalClock {
  readonly #aheadMsMax: number
  #last: HybridTimestamp

  /** `last` is where an earlier life of the node left off, so that a restart cannot repeat a timestamp. */
  constructor(aheadMsMax: number, last: HybridTimestamp = HYBRID_EPOCH) {
    this.#aheadMsMax = aheadMsMax
    this.#last = last
  }

  /** The latest timestamp given. */
  get last(): HybridTimestamp {
    return this.#last
  }

  /** The timestamp of an event on this node. */
  tick(nowMs: number): HybridTimestamp {
    this.#last = successor(latest(this.#last, justBefore(nowMs)))
    return this.#last
  }

  /** Takes note of a timestamp from another node; call it before believing anything that carries it. */
  receive(heard: HybridTimestamp, nowMs: number): Reception {
    const aheadMs = heard.wallMs - Math.floor(nowMs)
    if (aheadMs > this.#aheadMsMax) return { type: 'ahead', aheadMs }
    this.#last = successor(latest(latest(this.#last, heard), justBefore(nowMs)))
    return { type: 'received', timestamp: this.#last }
  }
}

/** The successor of this is the first timestamp of `nowMs`. */
function justBefore(nowMs: number): HybridTimestamp {
  return { wallMs: Math.floor(nowMs), logical: -1 }
}

function latest(a: HybridTimestamp, b: HybridTimestamp): HybridTimestamp {
  return compareTimestamps(a, b) >= 0 ? a : b
}

function successor({ wallMs, logical }: HybridTimestamp): HybridTimestamp {
  return logical < LOGICAL_MAX
    ? { wallMs, logical: logical + 1 }
    : { wallMs: wallMs + 1, logical: 0 }
}
