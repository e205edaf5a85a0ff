import { type Mistake, quote } from '../diagnostic.ts'
import type { Rate } from '../limiter/policy.ts'
import { nearestWord } from '../suggestion.ts'
import { CALENDAR_UNITS, type CalendarUnitName } from './calendar.ts'

/** Milliseconds of each unit of time. A day has 24 hours: calendar days are another algorithm. */
export const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

const UNITS = Object.keys(UNIT_MS)

/** `100/s`, `5000/10s`, `1000/month`: a count, and a unit with an optional number before it, or a calendar's. */
export const RATE_PATTERN = `^([1-9][0-9]*)/(?:([1-9][0-9]*)?(${UNITS.join('|')})|(${CALENDAR_UNITS.join('|')}))$`

/** So many in each unit of the calendar. */
export interface CalendarRate {
  readonly count: number
  readonly unit: CalendarUnitName
}

/** Tokens of a rate, and milliseconds of its period: exact as numbers. */
export const RATE_NUMBER_MAX = Number.MAX_SAFE_INTEGER

const RATE = new RegExp(RATE_PATTERN)
const EXAMPLES = 'write a rate such as 100/s, 5000/10s, 7/m, 30/h or 100000/d'

/** The rate, or what is wrong with the text. */
export function parseRate(text: string): Rate | CalendarRate | Mistake {
  const match = RATE.exec(text)
  if (match === null) {
    return { code: 'rate_malformed', message: `rate ${quote(text)} ${mistakeIn(text)}` }
  }
  const [, count, periods = '1', unit, calendarUnit] = match
  if (calendarUnit !== undefined) {
    const rate = { count: Number(count), unit: calendarUnit as CalendarUnitName }
    return rateMistake({ count: rate.count, periodMs: 1 }) ?? rate
  }
  const rate = {
    count: Number(count),
    periodMs: Number(periods) * UNIT_MS[unit as keyof typeof UNIT_MS],
  }
  return rateMistake(rate) ?? rate
}

/** What is wrong with a rate given as numbers; undefined when it can be reckoned with exactly. */
export function rateMistake(rate: Rate): Mistake | undefined {
  const code = 'rate_too_large'
  if (rate.count > RATE_NUMBER_MAX) {
    return { code, message: `the count is above ${RATE_NUMBER_MAX}: lower it` }
  }
  if (rate.periodMs > RATE_NUMBER_MAX) {
    return { code, message: `the period is above ${RATE_NUMBER_MAX} ms: shorten it` }
  }
  return undefined
}

/** The rate as its author would write it: `7/m`, `5000/10s`. */
export function renderRate({ count, periodMs }: Rate): string {
  for (const [unit, unitMs] of Object.entries(UNIT_MS).reverse()) {
    if (periodMs % unitMs === 0) {
      const periods = periodMs / unitMs
      return `${count}/${periods === 1 ? '' : periods}${unit}`
    }
  }
  return `${count}/${periodMs}ms`
}

function mistakeIn(text: string): string {
  if (/\s/.test(text)) return `has spaces in it: ${EXAMPLES}`
  if (!text.includes('/')) return `has no period: ${EXAMPLES}`
  const [count = '', period = ''] = text.split('/', 2)
  if (/[.,_]/.test(text)) return 'is not in whole numbers: choose a longer period, such as 3/2s'
  if (/^0+$/.test(count)) return 'admits nothing: the count must be at least 1'
  if (/^0+\D/.test(period)) return 'has a period of nothing: the period must be at least 1ms'
  const unit = period.replace(/^\d+/, '')
  const calendarUnit = CALENDAR_UNITS.find((name) => unit === name || unit === `${name}s`)
  if (/^[1-9]\d*$/.test(count) && calendarUnit !== undefined && /^\d/.test(period)) {
    return `counts several units of the calendar: write ${count}/${calendarUnit}`
  }
  if (/^[1-9]\d*$/.test(count) && /^[A-Za-z]+$/.test(unit) && !UNITS.includes(unit)) {
    return `has the unknown unit ${quote(unit)} (${unitHint(unit)})`
  }
  return `is not understood: ${EXAMPLES}`
}

/** Words people write for the units. */
const UNIT_WORDS: Readonly<Record<string, string>> = {
  millisecond: 'ms',
  msec: 'ms',
  second: 's',
  sec: 's',
  minute: 'm',
  min: 'm',
  hour: 'h',
  hr: 'h',
  day: 'd',
  w: 'week',
  week: 'week',
  month: 'month',
  mo: 'month',
  y: 'year',
  yr: 'year',
  year: 'year',
}

function unitHint(unit: string): string {
  const word = nearestWord(unit.replace(/s$/i, ''), Object.keys(UNIT_WORDS))
  const meant = word === undefined ? undefined : UNIT_WORDS[word]
  return meant === undefined
    ? `known: ${[...UNITS, ...CALENDAR_UNITS].join(', ')}`
    : `did you mean "${meant}"?`
}
