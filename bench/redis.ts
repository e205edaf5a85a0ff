import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Stand } from './stand.ts'

export interface RedisServer {
  readonly port: number
  readonly pid: number
}

const COMMAND = 'redis-server'
const START_MS_MAX = 5_000
const START_POLL_MS = 20

/** Whether there is a Redis to run; installs Debian's where that is possible. Else says why not. */
export function findRedis(): true | string {
  if (isInstalled()) return true
  if (process.getuid?.() !== 0) return `${COMMAND} is not on the path, and only root can install it`
  console.error(`${COMMAND} is not on the path: installing it with apt-get ...`)
  // The bench starts its own: the package is kept from starting one as a service.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const args = ['install', '--yes', '--no-install-recommends', COMMAND]
  const install = spawnSync('apt-get', args, { env, encoding: 'utf8' })
  if (install.status === 0 && isInstalled()) return true
  const reason = install.error?.message ?? install.stderr.trim().split('\n').at(-1)
  return `${COMMAND} is not on the path, and apt-get could not install it: ${reason}`
}

function isInstalled(): boolean {
  return spawnSync(COMMAND, ['--version']).status === 0
}

/** A Redis of its own on a free port of loopback, which keeps nothing on disk; ends with the stand. */
export async function startRedis(stand: Stand): Promise<RedisServer> {
  const port = await freePort()
  const child = stand.program('load', [
    ...[COMMAND, '--port', `${port}`, '--bind', '127.0.0.1', '--dir', stand.folder],
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
  ])
  const endMs = performance.now() + START_MS_MAX
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`${COMMAND} ended at once`)
    if (performance.now() > endMs) throw new Error(`${COMMAND} did not listen on port ${port}`)
    await delay(START_POLL_MS)
  }
  return { port, pid: child.pid as number }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
