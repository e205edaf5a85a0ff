import { readFile, stat } from 'node:fs/promises'
import { TextDecoder } from 'node:util'
import { type Problem, renderProblems } from '../diagnostic.ts'
import { readYaml, YAML_BYTES_MAX } from '../yaml-document.ts'
import { RuleBook } from './rule-book.ts'
import { validateRules } from './validate.ts'

/** The rules cannot be used. The message lists every problem, one per line, with its place. */
export class RulesError extends Error {
  override readonly name = 'RulesError'
  readonly problems: readonly Problem[]

  constructor(source: string, options: ErrorOptions & { readonly problems: readonly Problem[] }) {
    super(renderProblems(source, options.problems), options)
    this.problems = options.problems
  }
}

/** The rules of a YAML text. Throws `RulesError`, its places in `fileName`. */
export function parseRules(text: string, fileName: string): RuleBook {
  const document = readYaml(text)
  if (document.problems.length > 0) throw new RulesError(fileName, document)
  const { definition, findings } = validateRules(document.value, 'file')
  if (definition !== undefined) return new RuleBook(definition)
  const problems = findings.map(({ path, at, message }): Problem => {
    return { path, ...document.locate(path, at), message }
  })
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  throw new RulesError(fileName, { problems })
}

/** The rules of a file. Throws `RulesError` also when it cannot be read. */
export async function loadRules(path: string): Promise<RuleBook> {
  return parseRules(await readText(path), path)
}

/**
 * Rules given by a program: `{ rules: [...] }` or the list alone; a program was written for its version of
 * Weir and need not name the format's. Rates are text as in the file, or `{ count, periodMs }`. Throws `RulesError`, its places as `rules[0].limits[1].rate`.
 */
export function rulesFrom(value: unknown): RuleBook {
  const whole = Array.isArray(value) ? { version: 1, rules: value } : versioned(value)
  const { definition, findings } = validateRules(whole, 'value')
  if (definition !== undefined) return new RuleBook(definition)
  const problems = findings.map(({ path, message }) => ({ path, line: 0, column: 0, message }))
  throw new RulesError('rules', { problems })
}

function versioned(value: unknown): unknown {
  const lacksVersion = typeof value === 'object' && value !== null && !('version' in value)
  return lacksVersion ? { version: 1, ...value } : value
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > YAML_BYTES_MAX) {
      throw new Error(`it is ${size} bytes, and at most ${YAML_BYTES_MAX} are read`)
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const problem = { path: [], line: 0, column: 0, message: `cannot be read: ${reason}` }
    throw new RulesError(path, { cause, problems: [problem] })
  }
}
