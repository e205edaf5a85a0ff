import { readFileSync } from 'node:fs'
import { CommandError } from '../../src/cli/exit-code.ts'
import { type Experiment, strangersIn } from '../experiment.ts'

const PARTS = ['seed', 'nodes', 'rules', 'faults', 'workload', 'safetyMs'] as const

/**
 * An experiment from a file: the experiment alone, or with what it once violated.
 * @throws CommandError that says what is wrong with the file.
 */
export function readExperiment(file: string): Experiment {
  const content = parsed(file)
  const inside = isObject(content) && 'experiment' in content ? content.experiment : content
  const missing = PARTS.filter((part) => !isObject(inside) || !(part in inside))
  if (missing.length > 0) {
    throw unusable(
      file,
      `is no experiment: it lacks ${missing.map((part) => `"${part}"`).join(', ')}`,
    )
  }
  const wrong = PARTS.filter(
    (part) => !isOfItsKind(part, (inside as Record<string, unknown>)[part]),
  )
  if (wrong.length > 0) {
    throw unusable(
      file,
      `is no experiment: ${wrong.map((part) => `"${part}"`).join(', ')} cannot be that`,
    )
  }
  const experiment = inside as unknown as Experiment
  const strangers = strangersIn(experiment)
  if (strangers.length > 0) throw unusable(file, `has no node ${strangers.join(', ')}`)
  return experiment
}

function isOfItsKind(part: (typeof PARTS)[number], value: unknown): boolean {
  if (part === 'nodes') return Number.isInteger(value) && Number(value) >= 1
  if (part === 'seed' || part === 'safetyMs') return Number.isInteger(value) && Number(value) >= 0
  return Array.isArray(value) && value.every(isObject)
}

function parsed(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw unusable(file, `cannot be read: ${error instanceof Error ? error.message : error}`, error)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw unusable(file, `is not JSON: ${error instanceof Error ? error.message : error}`, error)
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unusable(file: string, what: string, cause?: unknown): CommandError {
  return new CommandError(`${file} ${what}`, { exit: 'configuration', cause })
}
