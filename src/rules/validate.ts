import { Ajv, type ErrorObject } from 'ajv'
import type { Type } from 'typebox'
import { describeValue, type Finding, type Path, quote } from '../diagnostic.ts'
import type { LimitPolicy, Rate, Rule } from '../limiter/policy.ts'
import { suggestion } from '../suggestion.ts'
import { parseRate, rateMistake } from './rate.ts'
import { BURST_MAX, RulesFile, RulesValue } from './schema.ts'

/** Levels are counted in tokens × milliseconds of the period, exactly: `burst · periodMs` stays below 2^53. */
const BUCKET_UNITS_MAX = Number.MAX_SAFE_INTEGER
/**
 * Time to refill a whole burst. Counts are kept for a little more than twice as long, and slices are
 * numbered from 1970.
 */
export const REFILL_MS_MAX = 10 * 366 * 86_400_000

type RulesShape = Type.Static<typeof RulesValue>
type LimitShape = RulesShape['rules'][number]['limits'][number]

const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true })
const validators = { file: ajv.compile(RulesFile), value: ajv.compile(RulesValue) }

/** Rules, and everything that is wrong with them; the rules are good only when nothing is. */
export interface Validated {
  readonly rules: readonly Rule[]
  readonly findings: readonly Finding[]
}

export function validateRules(value: unknown, source: keyof typeof validators): Validated {
  const validate = validators[source]
  const valid = validate(value)
  const findings = [
    ...(valid ? [] : (validate.errors ?? []).flatMap(schemaFinding)),
    ...rulesIn(value).flatMap(([path, rule]) => limitsIn(path, rule).flatMap(limitFindings)),
    ...repeatedNames(value),
  ]
  if (!valid || findings.length > 0) return { rules: [], findings: distinct(findings) }
  return { rules: (value as RulesShape).rules.map(ruleOf), findings: [] }
}

function ruleOf(rule: RulesShape['rules'][number]): Rule {
  const { name, limits, on_partition: onPartition } = rule
  return { name, limits: limits.map(policyOf), ...(onPartition !== undefined && { onPartition }) }
}

function policyOf({ rate, burst }: LimitShape): LimitPolicy {
  const parsed = typeof rate === 'string' ? parseRate(rate) : rate
  if (typeof parsed === 'string') throw new Error(`an unchecked rate: ${parsed}`)
  const { count, periodMs } = parsed
  return { rate: { count, periodMs }, burst: burst ?? count }
}

function schemaFinding(error: ErrorObject): Finding[] {
  const path = stepsOf(error.instancePath)
  const schema = (error.parentSchema ?? {}) as Schema
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(error.params.additionalProperty)
      const hint = suggestion(name, Object.keys(schema.properties ?? {}))
      return [
        { path: [...path, name], at: 'key', message: `unknown property ${quote(name)} ${hint}` },
      ]
    }
    case 'required': {
      const name = String(error.params.missingProperty)
      const example: unknown = schema.properties?.[name]?.examples?.[0]
      const mend = example === undefined ? '' : `, such as ${JSON.stringify({ [name]: example })}`
      return [{ path, at: 'value', message: `missing property ${quote(name)}${mend}` }]
    }
    case 'pattern':
      // A rate's own parser says more precisely what is wrong with it.
      if (path.at(-1) === 'rate') return []
  }
  const subject = path.length === 0 ? 'the rules' : (path.at(-1) ?? '')
  const label = /^\d+$/.test(subject) ? `item ${subject} of ${path.at(-2)}` : subject
  const found = describeValue(error.data)
  const quoting = couldBeQuoted(error.data, schema) ? ` (quote it: "${error.data}")` : ''
  return [
    { path, at: 'value', message: `${label} must be ${schema.title}, not ${found}${quoting}` },
  ]
}

interface Schema {
  readonly title?: string | undefined
  readonly type?: unknown
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly examples?: readonly unknown[]
}

/** YAML reads `123` and `true` as a number and a truth value, where the author meant text. */
function couldBeQuoted(value: unknown, schema: Schema): boolean {
  if (schema.type !== 'string' || schema.pattern === undefined) return false
  if (typeof value !== 'number' && typeof value !== 'boolean') return false
  return new RegExp(schema.pattern).test(String(value))
}

function stepsOf(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

type Located = readonly [path: Path, value: Readonly<Record<string, unknown>>]

/** The rules of a value that may be wrong in any way, so that one mistake does not hide another. */
function rulesIn(value: unknown): Located[] {
  return isMapping(value) ? mappingsIn(['rules'], value.rules) : []
}

function limitsIn(path: Path, rule: Readonly<Record<string, unknown>>): Located[] {
  return mappingsIn([...path, 'limits'], rule.limits)
}

function mappingsIn(path: Path, list: unknown): Located[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((item: unknown, index): Located[] =>
    isMapping(item) ? [[[...path, String(index)], item]] : [],
  )
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function limitFindings([path, limit]: Located): Finding[] {
  const rate = rateOf(limit.rate)
  if (rate === undefined) return []
  const mistake = typeof rate === 'string' ? rate : rateMistake(rate)
  if (mistake !== undefined) return [{ path: [...path, 'rate'], at: 'value', message: mistake }]
  if (typeof rate === 'string') return []
  const burst = limit.burst ?? rate.count
  if (!isCount(burst)) return []
  const message = burstMistake(rate, burst, limit.burst === undefined)
  return message === undefined
    ? []
    : [{ path: [...path, limit.burst === undefined ? 'rate' : 'burst'], at: 'value', message }]
}

/** The rate, its mistake, or undefined for what the schema refuses anyway. */
function rateOf(value: unknown): Rate | string | undefined {
  if (typeof value === 'string') return parseRate(value)
  if (!isMapping(value) || !isCount(value.count) || !isCount(value.periodMs)) return undefined
  return { count: value.count, periodMs: value.periodMs }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0
}

function burstMistake(rate: Rate, burst: number, byDefault: boolean): string | undefined {
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

function repeatedNames(value: unknown): Finding[] {
  const first = new Map<string, number>()
  return rulesIn(value).flatMap(([path, { name }]): Finding[] => {
    if (typeof name !== 'string') return []
    const index = Number(path.at(-1))
    const earlier = first.get(name)
    if (earlier === undefined) {
      first.set(name, index)
      return []
    }
    const message = `rule ${quote(name)} is already rules[${earlier}]: rename one, or put both limits into one rule`
    return [{ path: [...path, 'name'], at: 'value', message }]
  })
}

function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Map(findings.map((finding) => [`${finding.path}: ${finding.message}`, finding]))
  return [...seen.values()]
}
