import type { Terminal } from '../../src/cli/terminal.ts'
import type { Screen } from './screen.ts'

/** What every part of the command works with. */
export interface Context {
  readonly terminal: Terminal
  readonly screen: Screen
  /** How the command is begun: `npm run sim --` or `weir sim`. */
  readonly caller: string
  /** Everything after that. */
  readonly words: readonly string[]
  /** Runs at a time. */
  readonly threads: number
}

/** The command as it was given. */
export function givenCommand({ caller, words }: Context): string {
  return [caller, ...words].join(' ')
}
