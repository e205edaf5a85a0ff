import { readFileSync } from 'node:fs'
import { type Problem, quote, renderProblems } from '../diagnostic.ts'
import { OPTION_NAMES } from '../options.ts'
import { suggestion } from '../suggestion.ts'
import { readYaml, type YamlDocument } from '../yaml-document.ts'

/** An option as its author wrote it, and how messages call the place. */
export interface Written {
  readonly text: string
  readonly place: string
}

/** Options of a YAML file, each as it would be written in a flag; lists comma separated. */
export interface ConfigFile {
  readonly options: ReadonlyMap<string, Written>
  readonly problems: readonly string[]
}

export function readConfigFile(path: string): ConfigFile {
  const options = new Map<string, Written>()
  let document: YamlDocument
  try {
    document = readYaml(readFileSync(path, 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : error
    return { options, problems: [`${path} cannot be read: ${reason}`] }
  }
  const problems: Problem[] = [...document.problems]
  for (const [name, value] of propertiesOf(document.value)) {
    const text = asText(value)
    const told = (at: 'key' | 'value', message: string) =>
      problems.push({ path: [name], ...document.locate([name], at), message })
    if (!OPTION_NAMES.some((known) => known === name)) {
      told('key', `unknown option ${quote(name)} ${suggestion(name, OPTION_NAMES)}`)
    } else if (text === undefined) {
      told('value', `${name} must be one value, or a list of addresses`)
    } else {
      const { line, column } = document.locate([name], 'value')
      options.set(name, { text, place: `${path}:${line}:${column} ${name}` })
    }
  }
  if (!isMapping(document.value) && problems.length === 0) {
    problems.push({ path: [], line: 1, column: 1, message: 'must be a mapping of options' })
  }
  return { options, problems: problems.length > 0 ? [renderProblems(path, problems)] : [] }
}

function propertiesOf(value: unknown): [string, unknown][] {
  return isMapping(value) ? Object.entries(value) : []
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (!Array.isArray(value)) return undefined
  return value.every((item) => typeof item === 'string') ? value.join(',') : undefined
}
