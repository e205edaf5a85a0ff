import type { LimitPolicy } from '../../src/limiter/policy.ts'

/**
 * An ideal meter of one limit, fed with whatever passes. It knows nothing of Weir. Tokens, and milliseconds that
 * never go back.
 *
 *     draining           what has passed, less R for every moment since
 *     aligned, calendar  what has passed in the window that holds the present
 *     first hit          the same; a window opens with what passes when none is open, or nothing is left in it
 *     sliding            what has passed in the period that ends now
 *
 * What is given back lowers all of these, never below 0, and of what has passed the oldest first. A penalty is in
 * use like anything else, but nobody was let through by it: it is no part of what was admitted.
 */
export interface Meter {
  /** In use: admitted or owed, and neither given back nor over. */
  levelAt(atMs: number): number
  /** The same without penalties: by it overshoot is measured. */
  admittedAt(atMs: number): number
  /** The most that was in use at any time since so long before, if nothing was given back since. */
  highestAt(atMs: number, lateMs: number): number
  /** A check was let through. Returns what is admitted now. */
  pass(atMs: number, cost: number): number
  /** A penalty. */
  owe(atMs: number, cost: number): void
  giveBack(atMs: number, cost: number): void
}

export function meterOf(policy: LimitPolicy): Meter {
  const { algorithm, rate } = policy
  switch (algorithm?.type) {
    case undefined:
    case 'token-bucket':
    case 'leaky-bucket':
      return new DrainingMeter(policy)
    case 'sliding-window':
    case 'concurrency':
      return new SlidingMeter(rate.periodMs)
    case 'fixed-window':
      return new WindowMeter(algorithm.opens === 'aligned' ? aligned(policy) : firstHit(policy))
    case 'calendar-window':
      return new WindowMeter((atMs) => algorithm.calendar.at(atMs).startMs)
  }
}

/** What has passed in the slices that the period ending now overlaps: each slice as if all of it passed at its end. */
export function slicedMeterOf({ rate }: LimitPolicy, sliceMs: number): Meter {
  return new SlidingMeter(rate.periodMs, sliceMs)
}

/** What has passed in the last `periodMs`, whatever the limit says. */
export function slidingMeterOf(periodMs: number): Meter {
  return new SlidingMeter(periodMs)
}

/** Whether a limit's meter falls little by little, and not all at once. */
export function drains({ algorithm }: LimitPolicy): boolean {
  const type = algorithm?.type ?? 'token-bucket'
  return type === 'token-bucket' || type === 'leaky-bucket'
}

/** Whether a limit's windows begin at any time. */
export function slides({ algorithm }: LimitPolicy): boolean {
  return algorithm?.type === 'sliding-window' || algorithm?.type === 'concurrency'
}

export function opensOnUse({ algorithm }: LimitPolicy): boolean {
  return algorithm?.type === 'fixed-window' && algorithm.opens === 'first-hit'
}

/**
 * A leaky bucket: it drains at R and rises by whatever passes.
 *
 *     X(t) = sup over s ≤ t of [ passed in (s, t] - R·(t - s) ]⁺
 */
class DrainingMeter implements Meter {
  readonly #perMs: number
  #level = 0
  #admitted = 0
  #lastMs = 0

  constructor({ rate }: LimitPolicy) {
    this.#perMs = rate.count / rate.periodMs
  }

  levelAt(atMs: number): number {
    return Math.max(0, this.#level - Math.max(0, atMs - this.#lastMs) * this.#perMs)
  }

  admittedAt(atMs: number): number {
    return Math.max(0, this.#admitted - Math.max(0, atMs - this.#lastMs) * this.#perMs)
  }

  highestAt(atMs: number, lateMs: number): number {
    return this.levelAt(atMs) + this.#perMs * lateMs
  }

  pass(atMs: number, cost: number): number {
    this.#change(atMs, cost, cost)
    return this.#admitted
  }

  owe(atMs: number, cost: number): void {
    this.#change(atMs, cost, 0)
  }

  giveBack(atMs: number, cost: number): void {
    this.#change(atMs, -cost, -cost)
  }

  #change(atMs: number, level: number, admitted: number): void {
    this.#level = Math.max(0, this.levelAt(atMs) + level)
    this.#admitted = Math.max(0, this.admittedAt(atMs) + admitted)
    this.#lastMs = atMs
  }
}

/** When the window opened that holds a time, if the last one opened at `openMs`. */
type Opening = (atMs: number, openMs: number) => number

/** What has passed in the window that holds a time, by when that window opened. */
class WindowMeter implements Meter {
  readonly #openedMs: Opening
  #openMs = NEVER_MS
  #level = 0
  #admitted = 0
  /** The window before. */
  #beforeMs = NEVER_MS
  #before = 0

  constructor(openedMs: Opening) {
    this.#openedMs = openedMs
  }

  levelAt(atMs: number): number {
    return this.#isOpen(atMs, this.#openMs) ? this.#level : 0
  }

  admittedAt(atMs: number): number {
    return this.#isOpen(atMs, this.#openMs) ? this.#admitted : 0
  }

  highestAt(atMs: number, lateMs: number): number {
    const sinceMs = atMs - lateMs
    const before = this.#isOpen(sinceMs, this.#beforeMs) ? this.#before : 0
    return Math.max(before, this.#isOpen(sinceMs, this.#openMs) ? this.#level : this.levelAt(atMs))
  }

  pass(atMs: number, cost: number): number {
    this.#open(atMs)
    this.#level += cost
    this.#admitted += cost
    return this.#admitted
  }

  owe(atMs: number, cost: number): void {
    this.#open(atMs)
    this.#level += cost
  }

  giveBack(atMs: number, cost: number): void {
    if (!this.#isOpen(atMs, this.#openMs)) return
    this.#level = Math.max(0, this.#level - cost)
    this.#admitted = Math.max(0, this.#admitted - cost)
    if (this.#level === 0) this.#openMs = NEVER_MS
  }

  #isOpen(atMs: number, openMs: number): boolean {
    return openMs !== NEVER_MS && this.#openedMs(atMs, openMs) === openMs
  }

  #open(atMs: number): void {
    if (this.#isOpen(atMs, this.#openMs)) return
    this.#before = this.#level
    this.#beforeMs = this.#openMs
    this.#openMs = this.#openedMs(atMs, NEVER_MS)
    this.#level = 0
    this.#admitted = 0
  }
}

const NEVER_MS = Number.NEGATIVE_INFINITY

function aligned({ rate }: LimitPolicy): Opening {
  return (atMs) => Math.floor(atMs / rate.periodMs) * rate.periodMs
}

/** A window that is over is followed by one that opens with what passes next. */
function firstHit({ rate }: LimitPolicy): Opening {
  return (atMs, openMs) => (atMs < openMs + rate.periodMs ? openMs : atMs)
}

/** What has passed in the period that ends now. */
class SlidingMeter implements Meter {
  readonly #sliceMs: number
  readonly #all: SlidingSum
  /** The same one until something is owed. */
  #admitted: SlidingSum

  constructor(periodMs: number, sliceMs = 1) {
    this.#sliceMs = sliceMs
    this.#all = new SlidingSum(periodMs)
    this.#admitted = this.#all
  }

  levelAt(atMs: number): number {
    return this.#all.at(atMs)
  }

  admittedAt(atMs: number): number {
    return this.#admitted.at(atMs)
  }

  highestAt(atMs: number, lateMs: number): number {
    return this.#all.since(atMs, lateMs)
  }

  pass(atMs: number, cost: number): number {
    const endMs = this.#endOf(atMs)
    this.#all.add(atMs, endMs, cost)
    if (this.#admitted !== this.#all) this.#admitted.add(atMs, endMs, cost)
    return this.#admitted.at(atMs)
  }

  owe(atMs: number, cost: number): void {
    if (this.#admitted === this.#all) this.#admitted = this.#all.copy()
    this.#all.add(atMs, this.#endOf(atMs), cost)
  }

  giveBack(atMs: number, cost: number): void {
    this.#all.cancel(atMs, cost)
    if (this.#admitted !== this.#all) this.#admitted.cancel(atMs, cost)
  }

  #endOf(atMs: number): number {
    return this.#sliceMs === 1 ? atMs : (Math.floor(atMs / this.#sliceMs) + 1) * this.#sliceMs - 1
  }
}

interface Entry {
  readonly atMs: number
  cost: number
}

class SlidingSum {
  readonly #periodMs: number
  #entries: Entry[] = []
  /** Of the entries, the first that has not fallen out of the period. */
  #first = 0
  #level = 0

  constructor(periodMs: number) {
    this.#periodMs = periodMs
  }

  copy(): SlidingSum {
    const copy = new SlidingSum(this.#periodMs)
    copy.#entries = this.#entries.map((entry) => ({ ...entry }))
    copy.#first = this.#first
    copy.#level = this.#level
    return copy
  }

  at(atMs: number): number {
    for (; this.#first < this.#entries.length; this.#first++) {
      const oldest = this.#entries[this.#first] as Entry
      if (oldest.atMs > atMs - this.#periodMs) break
      this.#level -= oldest.cost
    }
    if (this.#first >= ENTRIES_KEPT) this.#letGo(atMs)
    return this.#level
  }

  /** With what has fallen out in the last `lateMs`. */
  since(atMs: number, lateMs: number): number {
    let level = this.at(atMs)
    for (let at = this.#first - 1; at >= 0; at--) {
      const entry = this.#entries[at] as Entry
      if (entry.atMs <= atMs - lateMs - this.#periodMs) break
      level += entry.cost
    }
    return level
  }

  add(atMs: number, entryMs: number, cost: number): void {
    this.#level = this.at(atMs) + cost
    this.#entries.push({ atMs: entryMs, cost })
  }

  /** The oldest first. */
  cancel(atMs: number, cost: number): void {
    let left = Math.min(cost, this.at(atMs))
    this.#level -= left
    for (let at = this.#first; left > 0; at++) {
      const entry = this.#entries[at] as Entry
      const back = Math.min(left, entry.cost)
      entry.cost -= back
      left -= back
    }
  }

  #letGo(atMs: number): void {
    const outMs = atMs - this.#periodMs - LATE_MS_KEPT
    const kept = this.#entries.findIndex((entry) => entry.atMs > outMs)
    const gone = kept < 0 ? this.#first : Math.min(kept, this.#first)
    this.#entries = this.#entries.slice(gone)
    this.#first -= gone
  }
}

const ENTRIES_KEPT = 1_024
const LATE_MS_KEPT = 5_000
