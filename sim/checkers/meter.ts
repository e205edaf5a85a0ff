import type { LimitPolicy } from '../../src/limiter/policy.ts'

/**
 * An ideal leaky-bucket meter: it drains at R and rises by whatever passes. It knows nothing of Weir.
 *
 *     X(t) = sup over s ≤ t of [ passed in (s, t] - R·(t - s) ]⁺
 *
 * Tokens, and milliseconds that never go back.
 */
export class Meter {
  readonly #perMs: number
  #level = 0
  #lastMs = 0

  constructor({ rate }: LimitPolicy) {
    this.#perMs = rate.count / rate.periodMs
  }

  levelAt(atMs: number): number {
    return Math.max(0, this.#level - Math.max(0, atMs - this.#lastMs) * this.#perMs)
  }

  /** Returns the level that this made. */
  pass(atMs: number, cost: number): number {
    this.#level = this.levelAt(atMs) + cost
    this.#lastMs = atMs
    return this.#level
  }
}
