import { renderMistake } from '../diagnostic.ts'
import { isTiered, type LimitSet, UNLIMITED } from '../rules/definition.ts'
import { differences } from '../rules/difference.ts'
import { renderLimit, renderLimits } from '../rules/limit-text.ts'
import { loadRules, type Reviewer, RulesError } from '../rules/load.ts'
import type { RuleBook } from '../rules/rule-book.ts'
import { editorSchema } from '../rules/schema.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import { columns, renderTable } from './output.ts'
import type { Terminal } from './terminal.ts'

/** The rules of a file. Throws a `CommandError` with every mistake and its place. */
export async function loadRulesOrFail(file: string, reviewer?: Reviewer): Promise<RuleBook> {
  try {
    return await loadRules(file, reviewer)
  } catch (error) {
    if (!(error instanceof RulesError)) throw error
    throw new CommandError(`the rules cannot be used\n${error.message}`, {
      cause: error,
      exit: 'configuration',
    })
  }
}

/** `weir rules check`: the rules as they are understood, and what is odd about them. */
export async function checkRules(file: string, terminal: Terminal): Promise<ExitCode> {
  const { definitions, definition } = await loadRulesOrFail(file, {
    nowMs: Date.now(),
    onWarning: (warning) => terminal.complain(renderMistake(warning)),
  })
  const rows = definitions.flatMap(({ name, mode, limits }) => {
    const texts = isTiered(limits)
      ? [`tier ${limits.template.text}, else ${limits.fallback}`]
      : limitTexts(limits)
    return texts.map((text, index) => (index === 0 ? [name, text, mode] : ['', text]))
  })
  for (const line of renderTable(['RULE', 'LIMIT', 'MODE'], rows, terminal)) terminal.print(line)
  const others = [
    ...definition.tiers.map(({ name, limits }) => [`tier ${name}`, renderLimits(limits)]),
    ...definition.overrides.map(({ rule, key, limits }) => {
      return [`override of ${rule} for ${JSON.stringify(key)}`, renderLimits(limits)]
    }),
  ]
  if (others.length > 0) for (const line of ['', ...columns(others)]) terminal.print(line)
  return 'ok'
}

/** `weir rules diff`: what becomes different for clients. */
export async function diffRules(
  before: string,
  after: string,
  terminal: Terminal,
): Promise<ExitCode> {
  const [old, current] = [await loadRulesOrFail(before), await loadRulesOrFail(after)]
  const lines = differences(old.definition, current.definition)
  for (const line of lines.length > 0 ? lines : ['nothing changes']) terminal.print(line)
  return 'ok'
}

function limitTexts(limits: LimitSet): readonly string[] {
  return limits === UNLIMITED ? [UNLIMITED] : limits.map(renderLimit)
}

/** `weir rules schema`: the JSON Schema of rules files, for editors. */
export async function printSchema(terminal: Terminal): Promise<ExitCode> {
  terminal.print(JSON.stringify(editorSchema(), null, 2))
  return 'ok'
}
