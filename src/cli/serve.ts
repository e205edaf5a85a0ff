import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { type Logger, pino, stdTimeFunctions } from 'pino'
import { renderMistake } from '../diagnostic.ts'
import { createNode, type NodeOptions, type WeirNode } from '../index.ts'
import type { ServerOptions } from '../options.ts'
import { configure, OptionsError, type Sources } from './configuration.ts'
import { CommandError, EXIT_CODES, type ExitCode } from './exit-code.ts'
import { reloadWhenChanged } from './rules-watch.ts'
import { stopRequested } from './stop-signal.ts'
import type { Terminal } from './terminal.ts'

/**
 * Bytes of bytecode that V8 inlines into one function at most. The way of a check through Node, Fastify and the limiter
 * uses up V8's own 920, and what is inlined is then chance: of three nodes one stayed slower than the others by a
 * sixth. With 4,000 three were alike, and above the best of those by 4 to 7 % in checks per second of a core. 6,000
 * gained nothing more.
 */
const INLINED_BYTECODE_MAX = 4_000

/** A supervisor that waits 20 s before it kills sees the node end by itself. */
const CLOSE_MS_MAX = 19_000
const IDENTITY_FILE = 'identity.key'
const SNAPSHOT_FILE = 'slow-limits.snapshot'

export interface ServeRequest {
  /** Print where the node listens as one line of JSON. */
  readonly json: boolean
  readonly flags: Sources['flags']
}

/** The line printed when the node listens; ports are the ones in use. */
export interface ServeAnnouncement {
  readonly name: string
  /** `http://host:port` or `unix:/path`. */
  readonly http: readonly string[]
  readonly admin: string
  /** Multiaddrs. */
  readonly peer: readonly string[]
  readonly pid: number
}

/** `weir serve`: one node, from start to stop. Logs are lines of JSON on standard error. */
export async function serve({ json, flags }: ServeRequest, terminal: Terminal): Promise<ExitCode> {
  // Before anything is hot enough to be compiled.
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_BYTECODE_MAX}`)
  const { options, warnings } = configureOrFail({ flags, variables: terminal.variables })
  const log = createLog(options)
  endOnUncaught(log)
  const stop = stopRequested((signal) => log.warn({ event: 'stopped_at_once', signal }, 'stopped'))
  for (const warning of warnings) log.warn({ event: 'variable_unknown' }, renderMistake(warning))

  const { node, announcement } = await startOrFail(options, log)
  if (json) terminal.print(JSON.stringify(announcement))
  log.info({ event: 'started', ...announcement }, 'listening')
  if (options.rules !== null) reloadWhenChanged(node, options.rules, log)

  process.on('SIGHUP', () => void node.renewCredentials())

  log.info({ event: 'stopping', reason: await stop }, 'stopping')
  const closed = await Promise.race([
    node.close().then(() => true),
    after(CLOSE_MS_MAX, false, { ref: false }),
  ])
  if (!closed) {
    log.error({ event: 'stop_timeout', afterMs: CLOSE_MS_MAX }, 'not everything could be closed')
    return 'failure'
  }
  log.info({ event: 'stopped' }, 'stopped')
  if (process.connected) process.disconnect()
  return 'ok'
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

interface Started {
  readonly node: WeirNode
  readonly announcement: ServeAnnouncement
}

/** Everything listens, or nothing is left open. */
async function startOrFail(options: ServerOptions, log: Logger): Promise<Started> {
  let node: WeirNode | undefined
  try {
    if (options.dataDir !== null) await mkdir(options.dataDir, { recursive: true, mode: 0o700 })
    node = await createNode(nodeOptions(options, log))
    const http: string[] = []
    for (const address of options.listen) http.push(await node.listen(address))
    const admin = await node.listenAdmin(options.admin)
    const { name, peerAddresses: peer } = node
    return { node, announcement: { name, http, admin, peer, pid: process.pid } }
  } catch (error) {
    await node?.close()
    if (isDefect(error)) throw error
    throw new CommandError(`the node cannot start: ${messagesOf(error)}`, {
      cause: error,
      exit: 'configuration',
    })
  }
}

function nodeOptions(options: ServerOptions, log: Logger): NodeOptions {
  const { name, rules, keysMax, headers, mode, trustedProxies } = options
  const { peerListen, secretFile, dataDir } = options
  const { clusterName, advertise, allowPeers, seeds, gossipIntervalMs, fanout } = options
  const { forwardTimeoutMs, forgetAfterMs, copies } = options
  const cluster = {
    name: clusterName,
    advertise,
    allowPeers,
    seeds,
    gossipIntervalMs,
    fanout,
    forwardTimeoutMs,
    forgetAfterMs,
    copies,
    ...(secretFile === null ? {} : { secretFile }),
    ...(dataDir === null ? {} : { identityFile: join(dataDir, IDENTITY_FILE) }),
  }
  return {
    name,
    rules: rules ?? [],
    keysMax,
    headers,
    ...(mode !== null && { mode }),
    trustedProxies,
    ...(options.adminTokenFile !== null && { adminTokenFile: options.adminTokenFile }),
    ...tlsOf(options),
    log,
    ...(dataDir !== null && { snapshotFile: join(dataDir, SNAPSHOT_FILE) }),
    cluster: peerListen === null ? false : { ...cluster, listen: [peerListen] },
  }
}

function tlsOf({ tlsCert, tlsKey, tlsClientCa }: ServerOptions): Pick<NodeOptions, 'tls'> {
  if (tlsCert === null || tlsKey === null) return {}
  return { tls: { cert: tlsCert, key: tlsKey, clientCa: tlsClientCa ?? undefined } }
}

/** Errors of the program itself; all others at the start come from what it was told to use. */
function isDefect(error: unknown): boolean {
  return [TypeError, ReferenceError, RangeError].some((defect) => error instanceof defect)
}

/** The message and those of its causes, the outermost first. */
function messagesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messagesOf(error.cause)}`
}
