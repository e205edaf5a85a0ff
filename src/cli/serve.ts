import cluster from 'node:cluster'
import { setFlagsFromString } from 'node:v8'
import { type Logger, pino, stdTimeFunctions } from 'pino'
import { renderMistake } from '../diagnostic.ts'
import type { ServerOptions } from '../options.ts'
import { configure, OptionsError, type Sources } from './configuration.ts'
import { CommandError, EXIT_CODES, type ExitCode } from './exit-code.ts'
import { INLINING } from './inlining.ts'
import type { Run } from './serving.ts'
import { stopOrdered, stopRequested } from './stop-signal.ts'
import type { Terminal } from './terminal.ts'

export interface ServeRequest {
  /** Print where the node listens as one line of JSON. */
  readonly json: boolean
  readonly flags: Sources['flags']
}

/**
 * `weir serve`: one node, or several as workers, from start to stop. Logs are lines of JSON on standard error. A
 * parent of workers loads nothing of what a node needs.
 */
export async function serve({ json, flags }: ServeRequest, terminal: Terminal): Promise<ExitCode> {
  // Before anything is hot enough to be compiled.
  setFlagsFromString(INLINING)
  const { variables } = terminal
  const { options, warnings } = configureOrFail({ flags, variables })
  const log = createLog(options)
  endOnUncaught(log)
  const stop = cluster.isWorker
    ? stopOrdered()
    : stopRequested((signal) => log.warn({ event: 'stopped_at_once', signal }, 'stopped'))
  for (const warning of warnings) log.warn({ event: 'variable_unknown' }, renderMistake(warning))
  const announce: Run['announce'] = (announcement) => {
    if (json) terminal.print(JSON.stringify(announcement))
  }
  const run = { log, stop, announce }
  const exit =
    options.workers === 1
      ? await (await import('./run-node.ts')).runNode(options, run)
      : await (await import('./workers.ts')).runWorkers(options, variables, run)
  if (exit === 'ok' && process.connected) process.disconnect()
  return exit
}

function configureOrFail(sources: Sources): ReturnType<typeof configure> {
  try {
    return configure(sources)
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error
    throw new CommandError(`the options cannot be used\n${error.message}`, {
      cause: error,
      exit: 'configuration',
    })
  }
}

function createLog({ name, logLevel }: ServerOptions): Logger {
  return pino(
    {
      level: logLevel,
      base: { node: name },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    pino.destination(process.stderr.fd),
  )
}

/** After an error that nobody caught the state is unknown: the supervisor starts a new process. */
function endOnUncaught(log: Logger): void {
  process.on('uncaughtException', (error, origin) => {
    log.fatal({ event: 'uncaught', origin, err: error }, 'an error was not caught')
    process.exit(EXIT_CODES.failure)
  })
}
