import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ExitCode } from './exit-code.ts'
import { OUTPUT_FORMATS } from './output.ts'
import type { Terminal } from './terminal.ts'

/** Takes a command's promise of its end; commander itself knows no results. */
export type End = (command: Promise<ExitCode>) => Promise<void>

/** Adds commands to a program. What a command does is in a module that is loaded only when it runs. */
export type AddCommands = (program: Command, terminal: Terminal, end: End) => void

export function urlOption(): Option {
  return new Option('--url <address>', 'the node: http://host:port or unix:/path').default(
    'http://127.0.0.1:8080',
  )
}

export function adminOption(): Option {
  return new Option('--admin <address>', 'the node: http://host:port or unix:/path').default(
    'http://127.0.0.1:9090',
  )
}

export function costOption(): Option {
  const shown = 'tokens to take; 0 only asks (default: what the rule says)'
  return new Option('--cost <tokens>', shown).argParser(wholeNumber(0, 2 ** 32 - 1))
}

export function descriptorOption(): Option {
  return pairsOption('--descriptor <name=value>', 'what rules may choose a tier by')
}

/** An option that may be repeated. */
export function pairsOption(flags: string, shown: string): Option {
  const none: ReadonlyMap<string, string> = new Map()
  return new Option(flags, `${shown}; may be repeated`).argParser(pair).default(none, 'none')
}

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print the answer')
    .choices(OUTPUT_FORMATS)
    .default('table')
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (number >= min && number <= max) return number
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}

/** `name=value`, added to those before it. */
function pair(text: string, pairs: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be name=value.')
  }
  return new Map([...pairs, [name, value]])
}
