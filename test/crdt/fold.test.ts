import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fold, type Meter } from '../../crdt/fold.ts'
import { oldestLive, SlicedCounters, sliceAt } from '../../crdt/sliced-counter.ts'
import { type Limit, limitOf } from '../../src/limiter/limit.ts'

const ACTORS = [0, 1, 2]

interface Admission {
  readonly atMs: number
  /** When the actor's clock said it was. */
  readonly writtenMs: number
  readonly actor: number
  readonly tokens: number
}

/** A limit, admissions in order of time, and the moment at which to fold. */
interface History {
  readonly limit: Limit
  readonly nowMs: number
  readonly admissions: readonly Admission[]
}

const limits = fc
  .record({
    count: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constantFrom(7, 100, 6_000)),
    periodMs: fc.oneof(
      fc.integer({ min: 1, max: 5_000 }),
      fc.constantFrom(1_000, 60_000, 3_600_000),
    ),
    burst: fc.integer({ min: 1, max: 500 }),
  })
  .map(({ count, periodMs, burst }) => limitOf({ rate: { count, periodMs }, burst }, 500))

/** One admission to be: how far back in windows, and how much as a share of what is usual. */
const event = fc.record({
  age: fc.double({ min: 0, max: 2, noNaN: true }),
  actor: fc.constantFrom(...ACTORS),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
})

/** Few admissions at any time, of anything up to the burst. */
const sparse = fc
  .array(event, { maxLength: 40 })
  .map((events) => events.map(({ age, actor, share }) => ({ age, actor, bursts: share ** 3 })))

/** One admission in each of many equal times, of about what drains meanwhile: a key that is in full use. */
const BUSY_EVENTS = 60
const busy = fc
  .tuple(
    fc.array(event, { minLength: BUSY_EVENTS, maxLength: BUSY_EVENTS }),
    fc.double({ min: 0.8, max: 1.5, noNaN: true }),
  )
  .map(([events, intensity]) =>
    events.map(({ age, actor, share }, at) => ({
      age: (2 * at + age) / BUSY_EVENTS,
      actor,
      bursts: intensity * (share + 0.5) * (4 / BUSY_EVENTS),
    })),
  )

/**
 * Admissions over two windows, the older half so that there is a horizon to look beyond. Before the
 * horizon only what fits the burst is admitted, which is the one thing the fold takes for granted; after
 * it anything is, overshoot included. `clockAheadMsMax` lets actors' clocks run ahead of the true time.
 */
function histories(clockAheadMsMax = 0): fc.Arbitrary<History> {
  return fc
    .record({
      limit: limits,
      offsetShare: fc.double({ min: 0, max: 0.999, noNaN: true }),
      aheadMs: fc.tuple(...ACTORS.map(() => fc.nat(clockAheadMsMax))),
      events: fc.oneof(sparse, busy),
    })
    .map(({ limit, offsetShare, aheadMs, events }) => {
      const { sliceMs, slices, policy } = limit
      const nowMs = (startSlice(limit) + 1) * sliceMs - 1 - Math.floor(offsetShare * sliceMs)
      const admissions = events
        .map(({ age, actor, bursts }) => {
          const atMs = nowMs - Math.floor(age * slices * sliceMs)
          const tokens = Math.max(1, Math.round(bursts * policy.burst))
          return { atMs, writtenMs: atMs + (aheadMs[actor] as number), actor, tokens }
        })
        .sort((a, b) => a.atMs - b.atMs)
      return idealUpTo(horizon(limit, nowMs, admissions), { limit, nowMs, admissions })
    })
}

/** Today, or where the stored 32 bits of a slice wrap around when that is a date at all. */
function startSlice({ sliceMs }: Limit): number {
  const today = Math.floor(1_764_000_000_000 / sliceMs)
  return sliceMs < 2_000 && sliceMs % 2 === 0 ? 2 ** 32 + 3 : today
}

function horizon(limit: Limit, nowMs: number, admissions: readonly Admission[]): number {
  const newestMs = Math.max(nowMs, ...admissions.map(({ writtenMs }) => writtenMs))
  return oldestLive(limit, sliceAt(limit, newestMs)) * limit.sliceMs
}

/** Drops the admissions before `untilMs` that an ideal limiter would have refused. */
function idealUpTo(untilMs: number, { limit, nowMs, admissions }: History): History {
  const admitted: Admission[] = []
  for (const admission of admissions) {
    const { atMs } = admission
    const level = trueLevel({ limit, nowMs: atMs, admissions: [...admitted, admission] })
    if (atMs >= untilMs || level <= limit.capacityUnits) admitted.push(admission)
  }
  return { limit, nowMs, admissions: admitted }
}

/** The meter event by event, in whole units: what the fold must never be below. */
function trueLevel({ limit, nowMs, admissions }: History): number {
  let level = 0
  let cursorMs = Number.NEGATIVE_INFINITY
  for (const { atMs, tokens } of admissions) {
    level = Math.max(0, level - limit.drainPerMs * (atMs - cursorMs)) + tokens * limit.tokenUnits
    cursorMs = atMs
  }
  return Math.max(0, level - limit.drainPerMs * (nowMs - cursorMs))
}

function countersOf({ limit, admissions }: History): SlicedCounters {
  const counters = new SlicedCounters(limit, ACTORS.length)
  for (const { actor, writtenMs, tokens } of admissions) {
    counters.add(actor, sliceAt(limit, writtenMs), tokens)
  }
  return counters
}

type Fold = (counters: SlicedCounters, meter: Meter, nowMs: number) => number

const production: Fold = (counters, meter, nowMs) => fold(counters, ACTORS, meter, nowMs)

/** The same fold with its choices open, and with a note of whether it touched 0. */
interface Choices {
  readonly startEmpty: boolean
  readonly addFirst: boolean
  readonly ignoreAhead: boolean
}

const RIGHT: Choices = { startEmpty: false, addFirst: false, ignoreAhead: false }

function traced(
  counters: SlicedCounters,
  meter: Meter,
  nowMs: number,
  { startEmpty, addFirst, ignoreAhead }: Choices,
): { level: number; touchedZero: boolean } {
  const { slicing } = counters
  const current = sliceAt(slicing, nowMs)
  const heads = ACTORS.map((actor) => counters.newest(actor, current))
  const held = heads.filter((head, actor) => counters.count(actor, head) > 0)
  const newest = ignoreAhead ? current : Math.max(current, ...held)
  let level = startEmpty ? 0 : meter.capacityUnits
  let touchedZero = false
  for (let slice = oldestLive(slicing, newest); slice <= newest; slice++) {
    const fromMs = Math.min(slice * slicing.sliceMs, nowMs)
    const drained = meter.drainPerMs * (Math.min((slice + 1) * slicing.sliceMs, nowMs) - fromMs)
    const counts = ACTORS.map((actor) => counters.count(actor, slice))
    const added = counts.reduce((sum, count) => sum + count, 0) * meter.tokenUnits
    if (addFirst) level = Math.max(0, level + added - drained)
    else {
      touchedZero ||= level <= drained
      level = Math.max(0, level - drained) + added
    }
  }
  return { level, touchedZero }
}

function planted(choices: Partial<Choices>): Fold {
  return (counters, meter, nowMs) => traced(counters, meter, nowMs, { ...RIGHT, ...choices }).level
}

function neverBelowTheTruth(folding: Fold, clockAheadMsMax = 0): fc.IProperty<[History]> {
  return fc.property(
    histories(clockAheadMsMax),
    (history) => folding(countersOf(history), history.limit, history.nowMs) >= trueLevel(history),
  )
}

describe('a fold of sliced counters', () => {
  it('is never below the true level of the admissions it holds (invariant 5)', () => {
    fc.assert(neverBelowTheTruth(production), { numRuns: 2_000 })
  })

  it('is never below the true level though clocks of actors run ahead', () => {
    fc.assert(neverBelowTheTruth(production, 1_000), { numRuns: 2_000 })
  })

  it('is above the true level by one slice of drain at most once it touched zero, else by the burst (invariant 6)', () => {
    const seen = { touched: 0, not: 0 }
    const bounded = fc.property(histories(), (history) => {
      const { limit, nowMs } = history
      const counters = countersOf(history)
      const { level, touchedZero } = traced(counters, limit, nowMs, RIGHT)
      expect(production(counters, limit, nowMs)).toBe(level)
      const bound = touchedZero ? limit.drainPerMs * limit.sliceMs : limit.capacityUnits
      expect(level - trueLevel(history)).toBeLessThanOrEqual(bound)
      seen[touchedZero ? 'touched' : 'not'] += 1
    })
    fc.assert(bounded, { numRuns: 2_000 })
    expect(Math.min(seen.touched, seen.not)).toBeGreaterThan(50)
  })

  it('is the same for the same counts, whatever way they came', () => {
    const pure = fc.property(
      histories(1_000),
      fc.shuffledSubarray(ACTORS, { minLength: 3 }),
      (history, order) => {
        const { limit, nowMs } = history
        const counters = countersOf(history)
        const level = production(counters, limit, nowMs)
        expect(production(counters, limit, nowMs)).toBe(level)
        const copy = new SlicedCounters(limit, ACTORS.length)
        const current = sliceAt(limit, nowMs)
        for (const [at, actor] of order.entries()) {
          for (let age = -limit.slices; age < 2 * limit.slices; age++) {
            copy.raise(at, current - age, counters.count(actor, current - age))
          }
        }
        expect(production(copy, limit, nowMs)).toBe(level)
      },
    )
    fc.assert(pure, { numRuns: 500 })
  })

  it('of nothing is zero, for the window is longer than the burst takes to drain', () => {
    fc.assert(
      fc.property(limits, (limit) => {
        const nowMs = (startSlice(limit) + 1) * limit.sliceMs - 1
        expect(production(new SlicedCounters(limit, ACTORS.length), limit, nowMs)).toBe(0)
      }),
    )
  })
})

describe('the property that no fold is below the truth', () => {
  const seeded = { numRuns: 2_000, seed: 1 }

  it('holds for the fold it was written for', () => {
    expect(fc.check(neverBelowTheTruth(planted({}), 1_000), seeded).failed).toBe(false)
  })

  it('fails for a fold that starts from an empty meter', () => {
    expect(fc.check(neverBelowTheTruth(planted({ startEmpty: true })), seeded).failed).toBe(true)
  })

  it('fails for a fold that adds before it drains', () => {
    expect(fc.check(neverBelowTheTruth(planted({ addFirst: true })), seeded).failed).toBe(true)
  })

  it('fails for a fold that is blind to slices ahead of its clock', () => {
    const blind = neverBelowTheTruth(planted({ ignoreAhead: true }), 1_000)
    expect(fc.check(blind, seeded).failed).toBe(true)
  })
})
