import { findProgram, freePort } from './program.ts'
import type { Stand } from './stand.ts'

export interface RedisServer {
  readonly port: number
  readonly pid: number
}

const COMMAND = 'redis-server'

/** Whether there is a Redis to run; installs Debian's where that is possible. Else says why not. */
export function findRedis(): true | string {
  return findProgram(COMMAND, '--version')
}

/** A Redis of its own on a free port of loopback, which keeps nothing on disk; ends with the stand. */
export async function startRedis(stand: Stand): Promise<RedisServer> {
  const port = await freePort()
  const pid = await stand.listener('load', port, [
    ...[COMMAND, '--port', `${port}`, '--bind', '127.0.0.1', '--dir', stand.folder],
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
  ])
  return { port, pid }
}
