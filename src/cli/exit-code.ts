/** How the command ends. Stable: scripts rely on them; `docs/reference/cli.md` explains each. */
export const EXIT_CODES = {
  /** Done; for `check` and `gate`: allowed. */
  ok: 0,
  /** Something that should not happen. */
  failure: 1,
  /** The command line is not understood. */
  usage: 2,
  /** Options, rules or files are not usable as they are. */
  configuration: 3,
  /** No node answered at the address. */
  unreachable: 4,
  /** `check`, `gate`: the node refused because a limit is reached; `peek`: nothing is left. */
  denied: 5,
  /** The node answered with an error. */
  rejected: 6,
  /** `doctor`: a check did not pass. */
  unwell: 7,
} as const

export type ExitCode = keyof typeof EXIT_CODES

/** An end of the command that needs no stack trace: a message for a person, and an exit code for a script. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exit: ExitCode

  constructor(message: string, options: ErrorOptions & { readonly exit: ExitCode }) {
    super(message, options)
    this.exit = options.exit
  }
}
