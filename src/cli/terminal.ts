import { styleText } from 'node:util'

/** What a command may touch of its surroundings. */
export interface Terminal {
  /** Results, for people or for the next program in the pipe. */
  print(line: string): void
  /** Everything else. */
  complain(line: string): void
  /** Marks a heading; plain text where results go to a file or a pipe, or `NO_COLOR` is set. */
  bold(text: string): string
  readonly variables: Readonly<Record<string, string | undefined>>
}

export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process
  const plain = !stdout.isTTY || (env.NO_COLOR ?? '') !== ''
  return {
    print(line) {
      stdout.write(`${line}\n`)
    },
    complain(line) {
      stderr.write(`${line}\n`)
    },
    bold: (text) => (plain ? text : styleText('bold', text)),
    variables: env,
  }
}
