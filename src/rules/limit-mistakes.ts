import { type Finding, type Path, quote } from '../diagnostic.ts'
import type { Rate } from '../limiter/policy.ts'
import { suggestion } from '../suggestion.ts'
import { longestUnitMs, timeZones, UTC } from './calendar.ts'
import { DURATION_MS_MAX, parseDuration } from './duration.ts'
import { type AlgorithmName, BURST_MAX } from './limit-schema.ts'
import { type CalendarRate, parseRate, rateMistake } from './rate.ts'

/** Levels are counted in tokens × milliseconds of the period, exactly: `burst · periodMs` stays below 2^53. */
const BUCKET_UNITS_MAX = Number.MAX_SAFE_INTEGER
/**
 * Time to refill a whole burst. Counts are kept for a little more than twice as long, and slices are
 * numbered from 1970.
 */
export const REFILL_MS_MAX = 10 * 366 * 86_400_000

export type Mapping = Readonly<Record<string, unknown>>

/** A limit whose algorithm is known, where it stands. */
interface Place {
  readonly path: Path
  readonly limit: Mapping
  readonly algorithm: string
}

/**
 * What is wrong with a limit beyond the types of its fields. The value may be wrong in any way, so that one
 * mistake does not hide another.
 */
export function limitFindings(path: Path, limit: Mapping, fallback: string): Finding[] {
  const algorithm = algorithmOf(limit, fallback)
  const place = { path, limit, algorithm }
  const findings = [...strangeFields(place), ...timeZoneFindings(place)]
  if (algorithm === 'concurrency') return [...findings, ...concurrencyFindings(place)]
  if (limit.rate === undefined) {
    const message = 'missing property "rate", such as {"rate":"100/s"}'
    return [...findings, { path, at: 'value', message }]
  }
  return [...findings, ...rateFindings(place)]
}

/** By its own word, else by its rate, else by the default. */
export function algorithmOf(limit: Mapping, fallback: string): string {
  if (typeof limit.algorithm === 'string') return limit.algorithm
  return isCalendarRate(limit.rate) ? 'calendar-window' : fallback
}

function isCalendarRate(rate: unknown): boolean {
  if (typeof rate !== 'string') return false
  const parsed = parseRate(rate)
  return typeof parsed === 'object' && 'unit' in parsed
}

/** Fields that belong to one algorithm only, and what to do about them elsewhere. */
const FIELDS: readonly {
  readonly name: string
  readonly of: readonly string[]
  mend(algorithm: string): string
}[] = [
  {
    name: 'burst',
    of: ['token-bucket', 'leaky-bucket'] satisfies AlgorithmName[],
    mend: (algorithm) =>
      algorithm === 'concurrency'
        ? 'its count is the most at once: remove the burst'
        : 'the count of its rate is the most at once: remove the burst, or choose algorithm: token-bucket',
  },
  {
    name: 'opens',
    of: ['fixed-window'] satisfies AlgorithmName[],
    mend: () => 'only a fixed window opens: remove it, or choose algorithm: fixed-window',
  },
  {
    name: 'timezone',
    of: ['calendar-window'] satisfies AlgorithmName[],
    mend: () => 'only a calendar has time zones: remove it, or write a rate such as 1000/day',
  },
  {
    name: 'count',
    of: ['concurrency'] satisfies AlgorithmName[],
    mend: () => 'it counts by a rate: write the count into the rate, such as 100/s',
  },
  {
    name: 'expires',
    of: ['concurrency'] satisfies AlgorithmName[],
    mend: () => 'nothing of it is held: remove it, or choose algorithm: concurrency',
  },
  {
    name: 'rate',
    of: ['token-bucket', 'leaky-bucket', 'sliding-window', 'fixed-window', 'calendar-window'],
    mend: () => 'it counts what is held at once: remove the rate, and give count and expires',
  },
]

function strangeFields({ path, limit, algorithm }: Place): Finding[] {
  return FIELDS.flatMap(({ name, of, mend }): Finding[] => {
    if (limit[name] === undefined || of.includes(algorithm)) return []
    const message = `${name} does not go with ${algorithm}: ${mend(algorithm)}`
    return [{ path: [...path, name], at: 'key', message }]
  })
}

function timeZoneFindings({ path, limit: { timezone } }: Place): Finding[] {
  if (typeof timezone !== 'string' || timeZones.has(timezone)) return []
  const hint = /^[+-]\d/.test(timezone)
    ? '(name a place: an offset knows no summer time)'
    : suggestion(timezone, timeZones.names).replace(/^\(known: .*/s, '(such as Europe/Berlin)')
  const message = `time zone ${quote(timezone)} is not known ${hint}`
  return [{ path: [...path, 'timezone'], at: 'value', message }]
}

function concurrencyFindings({ path, limit }: Place): Finding[] {
  const examples = { count: { count: 10 }, expires: { expires: '30s' } }
  const missing = (['count', 'expires'] as const).flatMap((name): Finding[] => {
    if (limit[name] !== undefined) return []
    const message = `missing property "${name}", such as ${JSON.stringify(examples[name])}`
    return [{ path, at: 'value', message }]
  })
  return [...missing, ...durationFindings([...path, 'expires'], limit.expires)]
}

/** Of a text that the schema finds well written. */
export function durationFindings(path: Path, value: unknown): Finding[] {
  if (typeof value !== 'string' || !/^[1-9]\d*[a-z]+$/.test(value)) return []
  if (parseDuration(value) !== undefined || !/(?:ms|s|m|h|d)$/.test(value)) return []
  const message = `${path.at(-1)} ${quote(value)} is longer than ${DURATION_MS_MAX / 86_400_000}d: shorten it`
  return [{ path, at: 'value', message }]
}

function rateFindings({ path, limit, algorithm }: Place): Finding[] {
  const at = 'value'
  const parsed = rateOf(limit.rate)
  if (parsed === undefined) return []
  if (typeof parsed === 'string') return [{ path: [...path, 'rate'], at, message: parsed }]
  if ('unit' in parsed !== (algorithm === 'calendar-window')) {
    const message =
      'unit' in parsed
        ? `rate "${parsed.count}/${parsed.unit}" is a calendar window, not a ${algorithm}: remove the algorithm, or write ${parsed.count}/${clockUnit(parsed)}`
        : `a calendar-window needs a unit of the calendar: write a rate such as ${parsed.count}/day`
    return [{ path: [...path, 'rate'], at, message }]
  }
  const rate =
    'unit' in parsed ? { count: parsed.count, periodMs: longestUnitMs(parsed.unit, UTC) } : parsed
  const mistake = rateMistake(rate)
  if (mistake !== undefined) return [{ path: [...path, 'rate'], at, message: mistake }]
  const isBucket = algorithm === 'token-bucket' || algorithm === 'leaky-bucket'
  const given = isBucket ? limit.burst : undefined
  const burst = given ?? rate.count
  if (!isCount(burst)) return []
  const message = isBucket
    ? bucketMistake(rate, burst, given === undefined)
    : windowMistake(rate, algorithm)
  const field = given === undefined ? 'rate' : 'burst'
  return message === undefined ? [] : [{ path: [...path, field], at, message }]
}

function clockUnit({ unit }: CalendarRate): string {
  return { minute: 'm', hour: 'h', day: 'd', week: '7d', month: '30d', year: '365d' }[unit]
}

/** The rate, its mistake, or undefined for what the schema refuses anyway. */
function rateOf(value: unknown): Rate | CalendarRate | string | undefined {
  if (typeof value === 'string') return parseRate(value)
  if (!isMapping(value) || !isCount(value.count) || !isCount(value.periodMs)) return undefined
  return { count: value.count, periodMs: value.periodMs }
}

function bucketMistake(rate: Rate, burst: number, byDefault: boolean): string | undefined {
  const subject = byDefault ? `the burst (by default the count, ${burst})` : `burst ${burst}`
  if (burst > BURST_MAX) {
    // A burst that was written is refused by the schema, with the same numbers.
    return byDefault ? `${subject} is above ${BURST_MAX}: set a smaller burst` : undefined
  }
  if (burst * rate.periodMs > BUCKET_UNITS_MAX) {
    return `${subject} times the period of ${rate.periodMs} ms is above ${BUCKET_UNITS_MAX}: set a smaller burst or a shorter period`
  }
  if ((burst * rate.periodMs) / rate.count > REFILL_MS_MAX) {
    return `${subject} takes longer than ten years to refill at this rate: set a smaller burst`
  }
  return undefined
}

function windowMistake(rate: Rate, algorithm: string): string | undefined {
  if (rate.count > BURST_MAX) return `the count ${rate.count} is above ${BURST_MAX}: lower it`
  if (algorithm === 'sliding-window' && rate.count * rate.periodMs > BUCKET_UNITS_MAX) {
    return `the count ${rate.count} times the period of ${rate.periodMs} ms is above ${BUCKET_UNITS_MAX}: lower the count or shorten the period`
  }
  if (rate.periodMs > REFILL_MS_MAX) return 'the period is longer than ten years: shorten it'
  return undefined
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
