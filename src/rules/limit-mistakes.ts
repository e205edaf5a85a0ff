import { type Finding, type Mistake, type Path, quote } from '../diagnostic.ts'
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
    return [...findings, { path, at: 'value', code: 'missing_property', message }]
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
  return 'unit' in parseRate(rate)
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
    return [{ path: [...path, name], at: 'key', code: 'algorithm_mismatch', message }]
  })
}

function timeZoneFindings({ path, limit: { timezone } }: Place): Finding[] {
  if (typeof timezone !== 'string' || timeZones.has(timezone)) return []
  const hint = /^[+-]\d/.test(timezone)
    ? '(name a place: an offset knows no summer time)'
    : suggestion(timezone, timeZones.names).replace(/^\(known: .*/s, '(such as Europe/Berlin)')
  const message = `time zone ${quote(timezone)} is not known ${hint}`
  return [{ path: [...path, 'timezone'], at: 'value', code: 'time_zone_unknown', message }]
}

function concurrencyFindings({ path, limit }: Place): Finding[] {
  const examples = { count: { count: 10 }, expires: { expires: '30s' } }
  const missing = (['count', 'expires'] as const).flatMap((name): Finding[] => {
    if (limit[name] !== undefined) return []
    const message = `missing property "${name}", such as ${JSON.stringify(examples[name])}`
    return [{ path, at: 'value', code: 'missing_property', message }]
  })
  return [...missing, ...durationFindings([...path, 'expires'], limit.expires)]
}

/** Of a text that the schema finds well written. */
export function durationFindings(path: Path, value: unknown): Finding[] {
  if (typeof value !== 'string' || !/^[1-9]\d*[a-z]+$/.test(value)) return []
  if (parseDuration(value) !== undefined || !/(?:ms|s|m|h|d)$/.test(value)) return []
  const message = `${path.at(-1)} ${quote(value)} is longer than ${DURATION_MS_MAX / 86_400_000}d: shorten it`
  return [{ path, at: 'value', code: 'duration_too_long', message }]
}

function rateFindings({ path, limit, algorithm }: Place): Finding[] {
  const told = (field: 'rate' | 'burst', mistake: Mistake | undefined): Finding[] =>
    mistake === undefined ? [] : [{ path: [...path, field], at: 'value', ...mistake }]
  const parsed = rateOf(limit.rate)
  if (parsed === undefined) return []
  if ('code' in parsed) return told('rate', parsed)
  if ('unit' in parsed !== (algorithm === 'calendar-window')) {
    const message =
      'unit' in parsed
        ? `rate "${parsed.count}/${parsed.unit}" is a calendar window, not a ${algorithm}: remove the algorithm, or write ${parsed.count}/${clockUnit(parsed)}`
        : `a calendar-window needs a unit of the calendar: write a rate such as ${parsed.count}/day`
    return told('rate', { code: 'algorithm_mismatch', message })
  }
  const rate =
    'unit' in parsed ? { count: parsed.count, periodMs: longestUnitMs(parsed.unit, UTC) } : parsed
  const mistake = rateMistake(rate)
  if (mistake !== undefined) return told('rate', mistake)
  const isBucket = algorithm === 'token-bucket' || algorithm === 'leaky-bucket'
  const given = isBucket ? limit.burst : undefined
  const burst = given ?? rate.count
  if (!isCount(burst)) return []
  return isBucket
    ? told(given === undefined ? 'rate' : 'burst', bucketMistake(rate, burst, given === undefined))
    : told('rate', windowMistake(rate, algorithm))
}

function clockUnit({ unit }: CalendarRate): string {
  return { minute: 'm', hour: 'h', day: 'd', week: '7d', month: '30d', year: '365d' }[unit]
}

/** The rate, its mistake, or undefined for what the schema refuses anyway. */
function rateOf(value: unknown): Rate | CalendarRate | Mistake | undefined {
  if (typeof value === 'string') return parseRate(value)
  if (!isMapping(value) || !isCount(value.count) || !isCount(value.periodMs)) return undefined
  return { count: value.count, periodMs: value.periodMs }
}

function bucketMistake(rate: Rate, burst: number, byDefault: boolean): Mistake | undefined {
  const subject = byDefault ? `the burst (by default the count, ${burst})` : `burst ${burst}`
  const tooLarge = (message: string): Mistake => ({ code: 'burst_too_large', message })
  if (burst > BURST_MAX) {
    // A burst that was written is refused by the schema, with the same numbers.
    return byDefault ? tooLarge(`${subject} is above ${BURST_MAX}: set a smaller burst`) : undefined
  }
  if (burst * rate.periodMs > BUCKET_UNITS_MAX) {
    return tooLarge(
      `${subject} times the period of ${rate.periodMs} ms is above ${BUCKET_UNITS_MAX}: set a smaller burst or a shorter period`,
    )
  }
  if ((burst * rate.periodMs) / rate.count > REFILL_MS_MAX) {
    return tooLarge(
      `${subject} takes longer than ten years to refill at this rate: set a smaller burst`,
    )
  }
  return undefined
}

function windowMistake(rate: Rate, algorithm: string): Mistake | undefined {
  const tooLarge = (message: string): Mistake => ({ code: 'window_too_large', message })
  if (rate.count > BURST_MAX) {
    return tooLarge(`the count ${rate.count} is above ${BURST_MAX}: lower it`)
  }
  if (algorithm === 'sliding-window' && rate.count * rate.periodMs > BUCKET_UNITS_MAX) {
    return tooLarge(
      `the count ${rate.count} times the period of ${rate.periodMs} ms is above ${BUCKET_UNITS_MAX}: lower the count or shorten the period`,
    )
  }
  if (rate.periodMs > REFILL_MS_MAX) {
    return tooLarge('the period is longer than ten years: shorten it')
  }
  return undefined
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
