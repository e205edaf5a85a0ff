import { Ajv, type ErrorObject } from 'ajv'
import { describeValue, type Finding, type Path, quote } from '../diagnostic.ts'
import type { DiagnosticCode } from '../diagnostic-code.ts'
import { suggestion } from '../suggestion.ts'
import { compileRules } from './compile.ts'
import type { RulesDefinition } from './definition.ts'
import { localFindings } from './local-mistakes.ts'
import { costFindings, meaningFindings } from './rule-mistakes.ts'
import { RulesFile, type RulesShape, RulesValue } from './schema.ts'

const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true })
const validators = { file: ajv.compile(RulesFile), value: ajv.compile(RulesValue) }

/** Rules, or everything that is wrong with them. */
export type Validated =
  | { readonly definition: RulesDefinition; readonly findings: readonly [] }
  | { readonly definition: undefined; readonly findings: readonly Finding[] }

export function validateRules(value: unknown, source: keyof typeof validators): Validated {
  const validate = validators[source]
  const valid = validate(value)
  const findings = [
    ...(valid ? [] : (validate.errors ?? []).flatMap(schemaFinding)),
    ...meaningFindings(value),
  ]
  if (!valid || findings.length > 0) return { definition: undefined, findings: distinct(findings) }
  const definition = compileRules(value as RulesShape)
  const unfit = [...costFindings(definition), ...localFindings(definition)]
  return unfit.length > 0
    ? { definition: undefined, findings: unfit }
    : { definition, findings: [] }
}

/** What an error of a schema means, in words. */
export function schemaFinding(error: ErrorObject): Finding[] {
  const path = stepsOf(error.instancePath)
  const schema = (error.parentSchema ?? {}) as Schema
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(error.params.additionalProperty)
      const hint = suggestion(name, Object.keys(schema.properties ?? {}))
      const message = `unknown property ${quote(name)} ${hint}`
      return [{ path: [...path, name], at: 'key', code: 'unknown_property', message }]
    }
    case 'required': {
      const name = String(error.params.missingProperty)
      const example: unknown = schema.properties?.[name]?.examples?.[0]
      const mend =
        example === undefined ? ': add it' : `, such as ${JSON.stringify({ [name]: example })}`
      const message = `missing property ${quote(name)}${mend}`
      return [{ path, at: 'value', code: 'missing_property', message }]
    }
    case 'pattern':
      // A rate's own parser says more precisely what is wrong with it.
      if (path.at(-1) === 'rate') return []
  }
  const subject = path.length === 0 ? 'the rules' : (path.at(-1) ?? '')
  const label = /^\d+$/.test(subject) ? `item ${subject} of ${path.at(-2)}` : subject
  const found = describeValue(error.data)
  const mend = mendOf(error, schema)
  const message = `${label} must be ${schema.title}, not ${found}${mend}`
  return [{ path, at: 'value', code: CODES[error.keyword] ?? 'wrong_type', message }]
}

/** By the keyword of the schema that the value does not satisfy. */
const CODES: Readonly<Record<string, DiagnosticCode>> = {
  const: 'version_unknown',
  enum: 'unknown_word',
  pattern: 'malformed_value',
  minimum: 'out_of_range',
  maximum: 'out_of_range',
  minLength: 'empty_value',
  minItems: 'empty_value',
  maxLength: 'too_long',
  maxItems: 'too_long',
}

interface Schema {
  readonly title?: string | undefined
  readonly type?: unknown
  readonly pattern?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly examples?: readonly unknown[]
}

function mendOf({ data, keyword }: ErrorObject, schema: Schema): string {
  if (couldBeQuoted(data, schema)) return ` (quote it: "${data}")`
  if (keyword !== 'enum' || typeof data !== 'string') return ''
  const words = (schema.enum ?? []).filter((word) => typeof word === 'string')
  const hint = suggestion(data, words)
  return hint.startsWith('(known') ? '' : ` ${hint}`
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

/** A number where a word belongs is no known word, either: the first that is told says more. */
function distinct(findings: readonly Finding[]): Finding[] {
  const told = new Map<string, Finding>()
  for (const finding of findings) {
    const id = `${finding.path}: ${finding.message}`
    if (!told.has(id)) told.set(id, finding)
  }
  return [...told.values()]
}
