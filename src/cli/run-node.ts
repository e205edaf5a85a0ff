import cluster from 'node:cluster'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createNode, type NodeOptions, type WeirNode } from '../index.ts'
import type { ServerOptions } from '../options.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import { reloadWhenChanged } from './rules-watch.ts'
import { CLOSE_MS_MAX, type Run, type ServeAnnouncement } from './serving.ts'

const IDENTITY_FILE = 'identity.key'
const SNAPSHOT_FILE = 'slow-limits.snapshot'
/** Whether other processes answer at the same addresses. */
const SHARES_DOORS = cluster.isWorker
/** How often a worker looks whether it has joined. */
const READY_POLL_MS = 10

/** One node, from start to stop. */
export async function runNode(
  options: ServerOptions,
  { log, stop, announce }: Run,
): Promise<ExitCode> {
  const { node, announcement } = await startOrFail(options, log)
  announce(announcement)
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
  return 'ok'
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
    const admin = await asked('--admin', node.listenAdmin(options.admin))
    if (SHARES_DOORS) await joined(node)
    const http: string[] = []
    for (const address of options.listen) http.push(await asked('--listen', node.listen(address)))
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

/** A system's error names the address, not the option that asked for it. */
async function asked<Result>(option: string, listening: Promise<Result>): Promise<Result> {
  try {
    return await listening
  } catch (error) {
    throw isDefect(error) ? error : new Error(option, { cause: error })
  }
}

/** Whoever asks at a shared door is to find members only: while one worker joins, the others answer. */
async function joined(node: WeirNode): Promise<void> {
  while (!node.readiness().ready) await after(READY_POLL_MS)
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
    sharesDoors: SHARES_DOORS,
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
