import { type Finding, type Placed, placeIn, quote } from '../diagnostic.ts'
import { OPTION_NAMES } from '../options.ts'
import { suggestion } from '../suggestion.ts'
import { locateFinding } from '../yaml-document.ts'
import { readYamlFileSync } from '../yaml-file.ts'

/** An option as its author wrote it, and how messages call the place. */
export interface Written {
  readonly text: string
  readonly place: string
}

/** Options of a YAML file, each as it would be written in a flag; lists comma separated. */
export interface ConfigFile {
  readonly options: ReadonlyMap<string, Written>
  readonly problems: readonly Placed[]
}

export function readConfigFile(path: string): ConfigFile {
  const options = new Map<string, Written>()
  const document = readYamlFileSync(path)
  const problems = [...document.problems]
  const told = (finding: Finding) => problems.push(locateFinding(document, finding))
  for (const [name, value] of propertiesOf(document.value)) {
    const text = asText(value)
    if (!OPTION_NAMES.some((known) => known === name)) {
      const message = `unknown option ${quote(name)} ${suggestion(name, OPTION_NAMES)}`
      told({ path: [name], at: 'key', code: 'unknown_property', message })
    } else if (text === undefined) {
      const message = `${name} must be one value, or a list of addresses`
      told({ path: [name], at: 'value', code: 'wrong_type', message })
    } else {
      const { line, column } = document.locate([name], 'value')
      options.set(name, { text, place: `${path}:${line}:${column} ${name}` })
    }
  }
  if (!isMapping(document.value) && problems.length === 0) {
    const message = 'must be a mapping of options, such as {"rules":"rules.yaml"}'
    told({ path: [], at: 'value', code: 'wrong_type', message })
  }
  return { options, problems: problems.map((problem) => placeIn(path, problem)) }
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
