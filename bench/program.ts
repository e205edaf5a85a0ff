import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

// Programs of somebody else's: whether they are here, and on which ports they listen.

/** Whether there is such a program to run; installs Debian's package of that name where that is possible. Else says why not. */
export function findProgram(name: string, versionFlag: string): true | string {
  const isInstalled = () => spawnSync(name, [versionFlag]).status === 0
  if (isInstalled()) return true
  if (process.getuid?.() !== 0) return `${name} is not on the path, and only root can install it`
  console.error(`${name} is not on the path: installing it with apt-get ...`)
  // We start our own: the package is kept from starting one as a service.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const apt = (...args: string[]) => spawnSync('apt-get', args, { env, encoding: 'utf8' })
  const install = () => apt('install', '--yes', '--no-install-recommends', name)
  let installed = install()
  if (installed.status !== 0) {
    apt('update')
    installed = install()
  }
  if (installed.status === 0 && isInstalled()) return true
  const reason = installed.error?.message ?? installed.stderr.trim().split('\n').at(-1)
  return `${name} is not on the path, and apt-get could not install it: ${reason}`
}

/** The first number with points in what a program says of its version. */
export function versionOf(name: string, versionFlag: string): string {
  const { stdout, stderr } = spawnSync(name, [versionFlag], { encoding: 'utf8' })
  return /\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? 'of unknown version'
}

/** Whether something takes connections on a port of 127.0.0.1. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
