import { Temporal } from 'temporal-polyfill'
import type { Calendar, CalendarUnit } from '../limiter/policy.ts'

/** A week begins on Monday (ISO 8601). */
export const CALENDAR_UNITS = ['minute', 'hour', 'day', 'week', 'month', 'year'] as const
export type CalendarUnitName = (typeof CALENDAR_UNITS)[number]

export const UTC = 'UTC'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A unit in which clocks are set back is this much longer. */
const CLOCK_CHANGE_MS = HOUR_MS

/** Days of the longest unit. */
const DAYS_MAX = { day: 1, week: 7, month: 31, year: 366 } as const

/** The time zones of this machine's tables, by the names of the IANA database. */
export const timeZones = {
  has(name: string): boolean {
    // An offset such as +02:00 is a zone for some versions of Node only.
    if (!/^[A-Za-z]/.test(name)) return false
    try {
      return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
    } catch {
      return false
    }
  },
  get names(): readonly string[] {
    return Intl.supportedValuesOf('timeZone')
  },
}

/** Milliseconds of the longest unit. */
export function longestUnitMs(unit: CalendarUnitName, timeZone: string): number {
  if (unit === 'minute') return MINUTE_MS
  if (unit === 'hour') return HOUR_MS
  return DAYS_MAX[unit] * DAY_MS + (timeZone === UTC ? 0 : CLOCK_CHANGE_MS)
}

/**
 * Cuts time as clocks of the zone show it: a day of a clock change has 23 or 25 hours. Hours and minutes
 * are all of one length: those of the zone's standard time.
 */
export function calendarOf(unit: CalendarUnitName, timeZone: string): Calendar {
  const find = finderOf(unit, timeZone)
  let current: CalendarUnit = { index: 0, startMs: 0, endMs: 0 }
  return {
    name: `${unit} ${timeZone}`,
    at(atMs) {
      // Nearly always it is the unit asked for last.
      if (atMs < current.startMs || atMs >= current.endMs) current = find(atMs)
      return current
    },
  }
}

function finderOf(unit: CalendarUnitName, timeZone: string): (atMs: number) => CalendarUnit {
  if (unit === 'minute') return equalUnits(MINUTE_MS, 0)
  if (unit === 'hour') return equalUnits(HOUR_MS, standardOffsetMs(timeZone))
  return (atMs) => {
    const date = localDate(atMs, timeZone)
    const first = firstDay(unit, date)
    const startMs = startOfDayMs(first, timeZone)
    const endMs = startOfDayMs(first.add(ONE[unit]), timeZone)
    return { index: indexOf(unit, first), startMs, endMs }
  }
}

function equalUnits(unitMs: number, offsetMs: number): (atMs: number) => CalendarUnit {
  const restMs = ((offsetMs % unitMs) + unitMs) % unitMs
  return (atMs) => {
    const index = Math.floor((atMs + restMs) / unitMs)
    const startMs = index * unitMs - restMs
    return { index, startMs, endMs: startMs + unitMs }
  }
}

const ONE = {
  day: { days: 1 },
  week: { weeks: 1 },
  month: { months: 1 },
  year: { years: 1 },
} as const

type DateUnit = keyof typeof ONE

function firstDay(unit: DateUnit, date: Temporal.PlainDate): Temporal.PlainDate {
  switch (unit) {
    case 'day':
      return date
    case 'week':
      return date.subtract({ days: date.dayOfWeek - 1 })
    case 'month':
      return date.with({ day: 1 })
    case 'year':
      return date.with({ month: 1, day: 1 })
  }
}

/** From the unit that holds the first day of 1970; a day that the zone left out has its number still. */
function indexOf(unit: DateUnit, first: Temporal.PlainDate): number {
  switch (unit) {
    case 'day':
      return daysSinceEpoch(first)
    case 'week':
      // 1970 began on a Thursday: its first Monday was the fifth of January.
      return (daysSinceEpoch(first) + 3) / 7
    case 'month':
      return (first.year - 1970) * 12 + first.month - 1
    case 'year':
      return first.year - 1970
  }
}

function daysSinceEpoch(date: Temporal.PlainDate): number {
  return Date.UTC(date.year, date.month - 1, date.day) / DAY_MS
}

function localDate(atMs: number, timeZone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(atMs))
    .toZonedDateTimeISO(timeZone)
    .toPlainDate()
}

/** Midnight, or the first moment after it where clocks are set forward at midnight. */
function startOfDayMs(date: Temporal.PlainDate, timeZone: string): number {
  return date.toZonedDateTime(timeZone).epochMilliseconds
}

/** Summer time is ahead of standard time, everywhere but in Ireland's law. */
function standardOffsetMs(timeZone: string): number {
  const offsets = [1, 7].map(
    (month) =>
      Temporal.PlainDate.from({ year: 2024, month, day: 1 }).toZonedDateTime(timeZone)
        .offsetNanoseconds / 1_000_000,
  )
  return Math.min(...offsets)
}
