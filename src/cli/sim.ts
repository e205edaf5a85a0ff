import { simulate } from '../../sim/command/program.ts'
import type { ExitCode } from './exit-code.ts'
import type { Terminal } from './terminal.ts'

/** The simulator has a command line of its own, which `npm run sim` has, too. */
export function sim(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  return simulate(words, terminal)
}
