import type { LimitPolicy } from '../../src/limiter/policy.ts'

/**
 * A token bucket, kept as a leaky-bucket meter: it drains at R, rises by what is taken, and refuses what would lift
 * it above B. What others are found to have taken may lift it above B: then nothing is allowed until it has drained,
 * so that excess is paid back. `highest` ends that: no more is remembered.
 */
export class Bucket {
  readonly #perMs: number
  readonly #burst: number
  readonly #highest: number
  #level = 0
  #lastMs = 0

  /** `share` of the whole limit, in (0, 1]; `memoryMs` as in the options. */
  constructor({ rate, burst }: LimitPolicy, memoryMs: number, share = 1) {
    this.#perMs = (rate.count / rate.periodMs) * share
    this.#burst = burst * share
    this.#highest = this.#burst + this.#perMs * memoryMs
  }

  levelAt(nowMs: number): number {
    return Math.max(0, this.#level - (nowMs - this.#lastMs) * this.#perMs)
  }

  /** Whole tokens that could be taken now. */
  roomAt(nowMs: number): number {
    return Math.max(0, Math.floor(this.#burst - this.levelAt(nowMs) + ROUNDING))
  }

  take(cost: number, nowMs: number): boolean {
    if (this.levelAt(nowMs) + cost > this.#burst + ROUNDING) return false
    this.charge(cost, nowMs)
    return true
  }

  /** Tokens that were taken, here or elsewhere, whether there was room or not. */
  charge(cost: number, nowMs: number): void {
    this.set(this.levelAt(nowMs) + cost, nowMs)
  }

  set(level: number, nowMs: number): void {
    this.#level = Math.min(level, this.#highest)
    this.#lastMs = nowMs
  }
}

/** Levels are sums of fractions: a token is not refused for the last bits of one. */
const ROUNDING = 1e-6

/** One bucket for each key that was ever asked for. */
export class Buckets {
  readonly #limit: LimitPolicy
  readonly #memoryMs: number
  readonly #share: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(limit: LimitPolicy, memoryMs: number, share = 1) {
    this.#limit = limit
    this.#memoryMs = memoryMs
    this.#share = share
  }

  of(key: string): Bucket {
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new Bucket(this.#limit, this.#memoryMs, this.#share)
      this.#buckets.set(key, bucket)
    }
    return bucket
  }

  levelsAt(nowMs: number): Map<string, number> {
    return new Map([...this.#buckets].map(([key, bucket]) => [key, bucket.levelAt(nowMs)]))
  }
}
