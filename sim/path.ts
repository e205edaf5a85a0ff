import type { Random } from '../cluster/random.ts'

/** How long something travels, in milliseconds; drawn for every packet, uniformly. */
export interface Delay {
  readonly minMs: number
  readonly maxMs: number
  /** A share of packets, in [0, 1], takes longer: from `maxMs` up to `tail.maxMs`. */
  readonly tail?: { readonly share: number; readonly maxMs: number }
}

/**
 * One direction between two hosts. What is carried in order waits its turn, and is kept, not lost, while
 * the path is cut or clogged: the way TCP retransmits until the network is back. The path knows no clock;
 * whoever drives it announces an arrival for every packet that was sent.
 */
export class Path {
  delay: Delay
  /** What passes in a millisecond; a frame waits until those before it have passed. */
  bytesPerMs: number
  /** Nothing arrives before this; what should have comes then, all at once and in order. */
  cloggedUntilMs = 0
  #open = true
  /** The packet that arrives next, and those behind it: of a million paths most carry one at a time. */
  #first: (() => void) | undefined
  #others: (() => void)[] | undefined
  /** Arrivals that came while the path was cut. */
  #owed = 0
  /** No packet arrives before the one sent before it. */
  #lastArrivalMs = 0
  /** When everything sent so far has left. */
  #freeAtMs = 0
  /** One arrival on this path, for the schedule. */
  readonly arrival: () => void

  constructor(delay: Delay, bytesPerMs: number, arrival: (path: Path) => void) {
    this.delay = delay
    this.bytesPerMs = bytesPerMs
    this.arrival = () => arrival(this)
  }

  get open(): boolean {
    return this.#open
  }

  /** When something sent now would arrive, on its own: it may overtake, and be overtaken. */
  arrivesAtMs(bytes: number, nowMs: number, random: Random): number {
    const atMs = this.#leavesAtMs(bytes, nowMs) + drawMs(this.delay, random)
    return Math.max(atMs, this.cloggedUntilMs)
  }

  /** When something sent now arrives behind everything sent before it. */
  arrivesInOrderAtMs(bytes: number, nowMs: number, random: Random): number {
    const atMs = this.arrivesAtMs(bytes, nowMs, random)
    if (atMs > this.#lastArrivalMs) this.#lastArrivalMs = atMs
    return this.#lastArrivalMs
  }

  enqueue(packet: () => void): void {
    if (this.#first === undefined) this.#first = packet
    else if (this.#others === undefined) this.#others = [packet]
    else this.#others.push(packet)
  }

  /** The time of one packet has come: the oldest one arrives, whichever it was meant for. */
  arrive(): void {
    if (!this.#open) {
      this.#owed += 1
      return
    }
    const packet = this.#first
    this.#first = this.#others?.shift()
    packet?.()
  }

  cut(): void {
    this.#open = false
  }

  /** Returns how many arrivals are to be announced anew. */
  heal(): number {
    const owed = this.#owed
    this.#open = true
    this.#owed = 0
    return owed
  }

  #leavesAtMs(bytes: number, nowMs: number): number {
    if (this.bytesPerMs === Number.POSITIVE_INFINITY) return nowMs
    const fromMs = Math.max(this.#freeAtMs, nowMs)
    this.#freeAtMs = fromMs + Math.ceil((bytes * 1_000) / this.bytesPerMs) / 1_000
    return this.#freeAtMs
  }
}

/** In whole microseconds. */
export function drawMs(delay: Delay, random: Random): number {
  const { minMs, maxMs, tail } = delay
  if (tail !== undefined && chance(tail.share, random)) return within(maxMs, tail.maxMs, random)
  return within(minMs, maxMs, random)
}

/** Whether something with this probability, in [0, 1], happens. */
export function chance(share: number, random: Random): boolean {
  return share > 0 && random.below(1_000_000) < share * 1_000_000
}

function within(minMs: number, maxMs: number, random: Random): number {
  return maxMs > minMs ? minMs + random.below((maxMs - minMs) * 1_000 + 1) / 1_000 : minMs
}
