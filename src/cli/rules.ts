import { loadRules, RulesError } from '../rules/load.ts'
import { renderRate } from '../rules/rate.ts'
import type { RuleBook } from '../rules/rule-book.ts'
import { editorSchema } from '../rules/schema.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import { renderTable } from './output.ts'
import type { Terminal } from './terminal.ts'

/** The rules of a file. Throws a `CommandError` with every mistake and its place. */
export async function loadRulesOrFail(file: string): Promise<RuleBook> {
  try {
    return await loadRules(file)
  } catch (error) {
    if (!(error instanceof RulesError)) throw error
    throw new CommandError(`the rules cannot be used\n${error.message}`, {
      cause: error,
      exit: 'configuration',
    })
  }
}

/** `weir rules check`: the rules as they are understood. */
export async function checkRules(file: string, terminal: Terminal): Promise<ExitCode> {
  const { coreRules } = await loadRulesOrFail(file)
  const rows = coreRules.flatMap(({ name, limits }) =>
    limits.map(({ rate, burst }, index) => [index === 0 ? name : '', renderRate(rate), `${burst}`]),
  )
  for (const line of renderTable(['RULE', 'RATE', 'BURST'], rows, terminal)) terminal.print(line)
  return 'ok'
}

/** `weir rules schema`: the JSON Schema of rules files, for editors. */
export async function printSchema(terminal: Terminal): Promise<ExitCode> {
  terminal.print(JSON.stringify(editorSchema(), null, 2))
  return 'ok'
}
