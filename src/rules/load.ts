import { type Placed, type Problem, placeIn, renderMistakes } from '../diagnostic.ts'
import { locateFinding, readYaml, type YamlDocument } from '../yaml-document.ts'
import { readYamlFile } from '../yaml-file.ts'
import { RuleBook } from './rule-book.ts'
import { warningFindings } from './rule-warnings.ts'
import { validateRules } from './validate.ts'

/** The rules cannot be used. The message lists every problem, one per line, with its place and code. */
export class RulesError extends Error {
  override readonly name = 'RulesError'
  readonly problems: readonly Problem[]

  constructor(source: string, problems: readonly Problem[]) {
    super(renderMistakes(problems.map((problem) => placeIn(source, problem))))
    this.problems = problems
  }
}

/** Who is told what is odd about rules that can be used. */
export interface Reviewer {
  /** For what depends on the time. */
  readonly nowMs: number
  onWarning(warning: Placed): void
}

/** The rules of a YAML text. Throws `RulesError`, its places in `fileName`. */
export function parseRules(text: string, fileName: string, reviewer?: Reviewer): RuleBook {
  return bookOf(readYaml(text), fileName, reviewer)
}

/** The rules of a file. Throws `RulesError` also when it cannot be read. */
export async function loadRules(path: string, reviewer?: Reviewer): Promise<RuleBook> {
  return bookOf(await readYamlFile(path), path, reviewer)
}

/**
 * Rules given by a program: `{ rules: [...] }` or the list alone; a program was written for its version of
 * Weir and need not name the format's. Rates are text as in the file, or `{ count, periodMs }`. Throws `RulesError`, its places as `rules[0].limits[1].rate`.
 */
export function rulesFrom(value: unknown, reviewer?: Reviewer): RuleBook {
  const whole = Array.isArray(value) ? { version: 1, rules: value } : versioned(value)
  const nowhere = { line: 0, column: 0 }
  return bookOf({ value: whole, problems: [], locate: () => nowhere }, 'rules', reviewer, 'value')
}

function bookOf(
  document: YamlDocument,
  source: string,
  reviewer: Reviewer | undefined,
  kind: 'file' | 'value' = 'file',
): RuleBook {
  if (document.problems.length > 0) throw new RulesError(source, document.problems)
  const { definition, findings } = validateRules(document.value, kind)
  const warnings = definition && reviewer ? warningFindings(definition, reviewer.nowMs) : []
  const problems = [...findings, ...warnings].map((finding) => locateFinding(document, finding))
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  if (definition === undefined) throw new RulesError(source, problems)
  for (const warning of problems) reviewer?.onWarning(placeIn(source, warning))
  return new RuleBook(definition)
}

function versioned(value: unknown): unknown {
  const lacksVersion = typeof value === 'object' && value !== null && !('version' in value)
  return lacksVersion ? { version: 1, ...value } : value
}
