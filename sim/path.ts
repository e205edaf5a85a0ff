/** How long something travels, in milliseconds; drawn uniformly for every packet. */
export interface Delay {
  readonly minMs: number
  readonly maxMs: number
}

/**
 * One direction between two hosts. What is carried in order waits its turn, and is kept, not lost, while
 * the path is cut: the way TCP retransmits until the network is back. The path knows no clock; whoever
 * drives it announces an arrival for every packet that was sent.
 */
export class Path {
  delay: Delay
  #open = true
  readonly #packets: (() => void)[] = []
  /** Arrivals that came while the path was cut. */
  #owed = 0
  /** No packet arrives before the one sent before it. */
  lastArrivalMs = 0

  constructor(delay: Delay) {
    this.delay = delay
  }

  get open(): boolean {
    return this.#open
  }

  enqueue(packet: () => void): void {
    this.#packets.push(packet)
  }

  /** The time of one packet has come: the oldest one arrives, whichever it was meant for. */
  arrive(): void {
    if (this.#open) this.#packets.shift()?.()
    else this.#owed += 1
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
}
