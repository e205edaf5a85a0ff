import type { LimitPolicy } from '../../src/limiter/policy.ts'

/**
 * An ideal meter of one limit, fed with whatever passes. It knows nothing of Weir. Tokens, and milliseconds that
 * never go back.
 */
export interface Meter {
  /** Tokens in use. */
  levelAt(atMs: number): number
  /** Returns the level that this made. */
  pass(atMs: number, cost: number): number
}

export function meterOf(policy: LimitPolicy): Meter {
  const { algorithm } = policy
  switch (algorithm?.type) {
    case undefined:
    case 'token-bucket':
    case 'leaky-bucket':
      return new DrainingMeter(policy)
    case 'sliding-window':
    case 'concurrency':
      return new SlidingMeter(policy)
    case 'fixed-window':
      return new WindowMeter(algorithm.opens === 'aligned' ? aligned(policy) : firstHit(policy))
    case 'calendar-window':
      return new WindowMeter((atMs) => algorithm.calendar.at(atMs).startMs)
  }
}

/** Whether a limit's meter falls little by little, and not all at once. */
export function drains({ algorithm }: LimitPolicy): boolean {
  const type = algorithm?.type ?? 'token-bucket'
  return type === 'token-bucket' || type === 'leaky-bucket'
}

/**
 * A leaky bucket: it drains at R and rises by whatever passes.
 *
 *     X(t) = sup over s ≤ t of [ passed in (s, t] - R·(t - s) ]⁺
 */
class DrainingMeter implements Meter {
  readonly #perMs: number
  #level = 0
  #lastMs = 0

  constructor({ rate }: LimitPolicy) {
    this.#perMs = rate.count / rate.periodMs
  }

  levelAt(atMs: number): number {
    return Math.max(0, this.#level - Math.max(0, atMs - this.#lastMs) * this.#perMs)
  }

  pass(atMs: number, cost: number): number {
    this.#level = this.levelAt(atMs) + cost
    this.#lastMs = atMs
    return this.#level
  }
}

/** What has passed in the window that holds a time, by when that window opened. */
class WindowMeter implements Meter {
  readonly #openedMs: (atMs: number, openMs: number) => number
  #openMs = Number.NEGATIVE_INFINITY
  #level = 0

  constructor(openedMs: (atMs: number, openMs: number) => number) {
    this.#openedMs = openedMs
  }

  levelAt(atMs: number): number {
    return this.#openedMs(atMs, this.#openMs) === this.#openMs ? this.#level : 0
  }

  pass(atMs: number, cost: number): number {
    this.#level = this.levelAt(atMs) + cost
    this.#openMs = this.#openedMs(atMs, this.#openMs)
    return this.#level
  }
}

function aligned({ rate }: LimitPolicy): (atMs: number) => number {
  return (atMs) => Math.floor(atMs / rate.periodMs) * rate.periodMs
}

/** A window that is over is followed by one that opens with what passes next. */
function firstHit({ rate }: LimitPolicy): (atMs: number, openMs: number) => number {
  return (atMs, openMs) => (atMs < openMs + rate.periodMs ? openMs : atMs)
}

/** What has passed in the period that ends now. */
class SlidingMeter implements Meter {
  readonly #periodMs: number
  readonly #passed: { readonly atMs: number; readonly cost: number }[] = []
  #level = 0

  constructor({ rate }: LimitPolicy) {
    this.#periodMs = rate.periodMs
  }

  levelAt(atMs: number): number {
    for (;;) {
      const oldest = this.#passed[0]
      if (oldest === undefined || oldest.atMs > atMs - this.#periodMs) return this.#level
      this.#passed.shift()
      this.#level -= oldest.cost
    }
  }

  pass(atMs: number, cost: number): number {
    this.#level = this.levelAt(atMs) + cost
    this.#passed.push({ atMs, cost })
    return this.#level
  }
}
