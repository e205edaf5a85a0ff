import type { Terminal } from '../../src/cli/terminal.ts'

/** A terminal that keeps what was written, and marks bold text as Markdown does. */
export class RecordedTerminal implements Terminal {
  readonly printed: string[] = []
  readonly complaints: string[] = []
  readonly variables: Readonly<Record<string, string | undefined>>

  constructor(variables: Readonly<Record<string, string | undefined>> = {}) {
    this.variables = variables
  }

  print(line: string): void {
    this.printed.push(line)
  }

  complain(line: string): void {
    this.complaints.push(line)
  }

  bold(text: string): string {
    return `**${text}**`
  }
}
