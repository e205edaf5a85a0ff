import { type Command, Option } from 'commander'
import type { ExitCode } from './exit-code.ts'
import { OUTPUT_FORMATS } from './output.ts'
import type { Terminal } from './terminal.ts'

/** Takes a command's promise of its end; commander itself knows no results. */
export type End = (command: Promise<ExitCode>) => Promise<void>

/** Adds commands to a program. What a command does is in a module that is loaded only when it runs. */
export type AddCommands = (program: Command, terminal: Terminal, end: End) => void

export function adminOption(): Option {
  return new Option('--admin <address>', 'the node: http://host:port or unix:/path').default(
    'http://127.0.0.1:9090',
  )
}

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print the answer')
    .choices(OUTPUT_FORMATS)
    .default('table')
}
