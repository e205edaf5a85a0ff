import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { within } from './real-node.ts'

const START_MS_MAX = 15_000

/** Whether there is such a program to run; installs Debian's package of that name where that is possible. Else says why not. */
export function findProgram(name: string, versionFlag: string): true | string {
  const isInstalled = () => spawnSync(name, [versionFlag]).status === 0
  if (isInstalled()) return true
  if (process.getuid?.() !== 0) return `${name} is not on the path, and only root can install it`
  // The test starts its own: the package is kept from starting one as a service.
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

/** A program of somebody else's, and all it has said. */
export class Program {
  readonly process: ChildProcess
  #said = ''

  constructor(command: string, words: readonly string[], folder: string) {
    const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
    this.process = spawn(command, words, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#said += bytes.toString()
      })
    }
  }

  /** Resolves when the port takes connections. */
  async listening(port: number): Promise<void> {
    await within(START_MS_MAX, async () => {
      if (this.process.exitCode !== null) throw new Error(`it ended at once:\n${this.#said}`)
      return isListening(port)
    })
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    const ended = once(this.process, 'exit')
    this.process.kill('SIGTERM')
    await ended
  }
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

/** Free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
