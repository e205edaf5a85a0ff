import type { ErrorObject } from 'ajv'
import { FAULT_NAME_LENGTH_MAX, FAULTS_LISTED_MAX } from './limits.ts'
import { type Problem, type ProblemCode, problem } from './problem.ts'

/** One thing wrong with a request, and where. */
export interface Fault {
  readonly in: 'body' | 'query' | 'path'
  /** JSON pointer into that part; empty for the whole of it. */
  readonly pointer: string
  /** What is wrong and how to mend it. */
  readonly detail: string
}

/** Names of the parts as Fastify's validation gives them. */
const PARTS: Readonly<Record<string, Fault['in']>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
}

/**
 * The problem for a request that does not fit its schema, with all its faults.
 * `errors` come from Ajv with `allErrors` and `verbose`.
 */
export function invalidRequest(errors: readonly ErrorObject[], part: string | undefined): Problem {
  const within = PARTS[part ?? 'body'] ?? 'body'
  // `if` only repeats that the branch it chose has failed; the branch's own errors are in the list.
  const faults = errors.filter((error) => error.keyword !== 'if')
  const listed = faults.slice(0, FAULTS_LISTED_MAX).map((error) => faultOf(error, within))
  return faulty('invalid_request', listed, faults.length)
}

/** The problem of a request with so many faults, of which these are listed. */
export function faulty(code: ProblemCode, listed: readonly Fault[], count: number): Problem {
  const [first] = listed
  const where = first === undefined ? 'request' : `${first.in} ${first.pointer}`.trim()
  const more = count > 1 ? ` (and ${count - 1} more)` : ''
  return problem(code, `${where}: ${first?.detail ?? 'does not fit'}${more}`, {
    errors: listed,
    errorCount: count,
  })
}

function faultOf(error: ErrorObject, within: Fault['in']): Fault {
  const { instancePath, keyword, params } = error
  switch (keyword) {
    case 'required':
      return at(instancePath, `"${params.missingProperty}" is missing: add it`)
    case 'additionalProperties': {
      const name = String(params.additionalProperty).slice(0, FAULT_NAME_LENGTH_MAX)
      const known = Object.keys(error.parentSchema?.properties ?? {}).join(', ')
      return at(
        `${instancePath}/${pointerToken(name)}`,
        `unknown property: remove it (known: ${known})`,
      )
    }
    case 'type':
      return at(
        instancePath,
        `must be of type ${params.type}, is ${jsonType(error.data)}: nothing is converted${hint(error)}`,
      )
    case 'minimum':
    case 'maximum':
      return at(instancePath, `must be ${params.comparison} ${params.limit}${hint(error)}`)
    case 'minItems':
      return at(instancePath, `must hold at least ${params.limit} item`)
    case 'maxItems':
      return at(instancePath, `must hold at most ${params.limit} items: split it`)
    case 'pattern':
      return at(instancePath, `does not have the right form${hint(error)}`)
    default:
      return at(instancePath, error.message ?? 'does not fit')
  }

  function at(pointer: string, detail: string): Fault {
    return { in: within, pointer, detail }
  }
}

/** What the schema says about the value. */
function hint(error: ErrorObject): string {
  const description = error.parentSchema?.description
  return typeof description === 'string' ? `. Wanted: ${description}` : ''
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}

/** Escapes a property name for a JSON pointer (RFC 6901). */
function pointerToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
