import { median } from './interleave.ts'

/** Latencies in bins of one microsecond, up to a second: percentiles without keeping every value. */
const BINS = 1_000_000

export class Microseconds {
  readonly #bins = new Uint32Array(BINS)
  #count = 0

  add(milliseconds: number): void {
    const bin = Math.min(BINS - 1, Math.max(0, Math.round(milliseconds * 1_000)))
    this.#bins[bin] = (this.#bins[bin] as number) + 1
    this.#count += 1
  }

  /** The smallest latency that this share of all does not exceed; 0 of none. */
  percentile(share: number): number {
    let left = Math.ceil(this.#count * share)
    for (let bin = 0; bin < BINS; bin++) {
      left -= this.#bins[bin] as number
      if (left <= 0) return bin
    }
    return BINS - 1
  }
}

/** The median of several rounds' latencies, in words. */
export function microsecondsText(roundsUs: readonly number[]): string {
  return `${Math.round(median(roundsUs))} µs`
}
