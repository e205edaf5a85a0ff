import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { SOCKET_MODE } from './limits.ts'

/** Where a door listens: a TCP port of one of this machine's addresses, or a Unix socket. */
export type ListenAddress =
  | { readonly type: 'tcp'; readonly host: string; readonly port: number }
  | { readonly type: 'unix'; readonly path: string }

const UNIX_PREFIX = 'unix:'
const PORT_MAX = 65_535

/**
 * Reads `host:port`, `[ipv6]:port`, `:port` (all addresses) or `unix:/absolute/path`. Port 0 is any free
 * port. Throws an error that says how to mend what cannot be read.
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith(UNIX_PREFIX)) {
    const path = text.slice(UNIX_PREFIX.length)
    if (!path.startsWith('/')) {
      throw new Error(
        `listen address "${text}": give the socket's absolute path, as in unix:/run/weir.sock`,
      )
    }
    return { type: 'unix', path }
  }
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > PORT_MAX) {
    throw new Error(
      `listen address "${text}": write host:port with a port from 0 to ${PORT_MAX}, as in 127.0.0.1:8080, or unix:/path`,
    )
  }
  return { type: 'tcp', host: hostOf(bracketed ?? plain ?? ''), port }
}

/** Whether only this machine can connect. Of other names nobody knows where they lead. */
export function isLocal(address: ListenAddress): boolean {
  return address.type === 'unix' || address.host.startsWith('127.') || address.host === '::1'
}

/** Every name stands for one address, so that a door is one socket. */
function hostOf(name: string): string {
  if (name === '') return '::'
  return name === 'localhost' ? '127.0.0.1' : name
}

/**
 * Opens a door. Returns where it listens: `http://host:port` with the port in use, or `unix:/path`.
 * A Unix socket may be used by its owner and group, and is removed when the door closes.
 *
 * A door that is shared is that of all workers of `node:cluster`; whoever starts them has cleared the place. No other
 * is, even in such a worker.
 */
export async function listen(
  app: FastifyInstance,
  address: string,
  isShared = false,
): Promise<string> {
  const parsed = parseListenAddress(address)
  const exclusive = !isShared
  if (parsed.type === 'tcp') return app.listen({ host: parsed.host, port: parsed.port, exclusive })
  if (!isShared) await removeStaleSocket(parsed.path)
  await app.listen({ path: parsed.path, exclusive })
  await chmod(parsed.path, SOCKET_MODE)
  return UNIX_PREFIX + parsed.path
}

/** Makes room for a door that workers will share. */
export async function clear(address: string): Promise<void> {
  const parsed = parseListenAddress(address)
  if (parsed.type === 'unix') await removeStaleSocket(parsed.path)
}

/** A socket file outlives a killed process. It is removed only if it is a socket and nobody listens. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(unlessMissing)
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new Error(
      `listen address unix:${path}: a file that is not a socket is in the way; remove it or choose another path`,
    )
  }
  if (await isListening(path)) {
    throw new Error(
      `listen address unix:${path}: another process listens there; stop it or choose another path`,
    )
  }
  await unlink(path).catch(unlessMissing)
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      else reject(error)
    })
  })
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
