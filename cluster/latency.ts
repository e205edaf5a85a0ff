import { FORWARD_TIMEOUT_MS_MIN, FORWARD_TIMEOUT_P99S } from './limits.ts'

/**
 * How long answers of one peer take, as a histogram of whole milliseconds that forgets: all bins are
 * halved each time it has seen `FORGET_AFTER` answers. Gives the forward timeout:
 *
 *     timeout = 3 × p99, within [FORWARD_TIMEOUT_MS_MIN, ceiling]
 *
 * Until something has been measured the ceiling applies: asking twice costs accuracy, waiting costs time.
 */
const BINS = 256
const FORGET_AFTER = 1_024
const ANSWERS_MIN = 64
/** The percentile is worked out anew after this many answers. */
const REFRESH_EVERY = 32

export class Latency {
  /** As many as the slowest answer has needed: of a thousand peers most answer within a few milliseconds. */
  readonly #bins: number[] = []
  #answers = 0
  #p99Ms: number | undefined

  answered(tookMs: number): void {
    const bin = Math.min(BINS - 1, Math.max(0, Math.round(tookMs)))
    while (this.#bins.length <= bin) this.#bins.push(0)
    this.#bins[bin] = (this.#bins[bin] as number) + 1
    this.#answers += 1
    if (this.#answers >= FORGET_AFTER) this.#halve()
    if (this.#answers % REFRESH_EVERY === 0) this.#p99Ms = undefined
  }

  timeoutMs(ceilingMs: number): number {
    if (this.#answers < ANSWERS_MIN) return ceilingMs
    this.#p99Ms ??= this.#percentile(0.99)
    const timeoutMs = FORWARD_TIMEOUT_P99S * this.#p99Ms
    return Math.min(ceilingMs, Math.max(FORWARD_TIMEOUT_MS_MIN, timeoutMs))
  }

  #percentile(share: number): number {
    let left = this.#answers * (1 - share)
    for (let bin = this.#bins.length - 1; bin > 0; bin--) {
      left -= this.#bins[bin] as number
      if (left < 0) return bin
    }
    return 0
  }

  #halve(): void {
    this.#answers = 0
    for (let bin = 0; bin < this.#bins.length; bin++) {
      const half = (this.#bins[bin] as number) >>> 1
      this.#bins[bin] = half
      this.#answers += half
    }
  }
}
