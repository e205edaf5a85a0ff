import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { meterOf } from '../checkers/meter.ts'
import { overshootOf, type Passed } from '../checkers/overshoot.ts'

/** The ideal meter of everything that was admitted of one key, to be asked about any time of a run. */
export class MeterHistory {
  readonly #limit: LimitPolicy
  /** By time. */
  readonly #admissions: readonly Passed[]
  /** The level that each admission made. */
  readonly #levels: readonly number[]

  constructor(admissions: readonly Passed[], limit: LimitPolicy) {
    this.#limit = limit
    this.#admissions = [...admissions].sort((a, b) => a.atMs - b.atMs)
    const meter = meterOf(limit)
    this.#levels = this.#admissions.map(({ atMs, cost }) => meter.pass(atMs, cost))
  }

  /** What was admitted before `atMs`, drained until then. */
  levelBefore(atMs: number): number {
    return this.#drained(this.#countBefore(atMs) - 1, atMs)
  }

  /** From one time to another, both included. It rises at admissions alone. */
  highestIn(fromMs: number, toMs: number): number {
    let highest = this.levelBefore(fromMs)
    for (let at = this.#countBefore(fromMs); at < this.#levels.length; at++) {
      if ((this.#admissions[at]?.atMs ?? 0) > toMs) break
      highest = Math.max(highest, this.#levels[at] ?? 0)
    }
    return highest
  }

  /** The overshoot of what was admitted in a span, at the level at which it began, or at B if that was above. */
  overshootIn({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): number {
    const inSpan = this.#admissions.slice(this.#countBefore(fromMs), this.#countBefore(toMs))
    const cost = Math.min(this.levelBefore(fromMs), this.#limit.burst)
    return overshootOf([{ atMs: fromMs, cost }, ...inSpan], this.#limit)
  }

  #drained(index: number, atMs: number): number {
    const level = this.#levels[index] ?? 0
    const sinceMs = atMs - (this.#admissions[index]?.atMs ?? atMs)
    const { count, periodMs } = this.#limit.rate
    return Math.max(0, level - (sinceMs * count) / periodMs)
  }

  #countBefore(atMs: number): number {
    let [low, high] = [0, this.#admissions.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#admissions[middle]?.atMs ?? 0) < atMs) low = middle + 1
      else high = middle
    }
    return low
  }
}
