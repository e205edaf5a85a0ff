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
  for (const stream of [stdout, stderr]) stream.on('error', unlessUnread)
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

/**
 * Whoever reads may have read enough, as `head` has. That is no failure of the command: it goes on to its end
 * and its exit code, and prints for nobody.
 *
 * @throws the error, if it is any other.
 */
function unlessUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
