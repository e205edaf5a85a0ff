import { type ChildProcess, spawn } from 'node:child_process'
import cluster from 'node:cluster'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { flagOf, OPTION_NAMES, type ServerOptions, writtenOption } from '../options.ts'
import { CommandError, EXIT_CODES } from './exit-code.ts'
import type { ServeAnnouncement } from './serving.ts'
import { STOP_ORDER } from './stop-signal.ts'

export type Variables = Readonly<Record<string, string | undefined>>

/** The command this process itself runs, compiled or not. */
const MAIN = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url))
const SERVE = ['serve', '--json'] as const
const STDIO = ['ignore', 'pipe', 'inherit', 'ipc'] as const

/**
 * A node that is not of our process group, so that Ctrl-C reaches it only through us. It has a channel to us, whose
 * loss tells it to stop when we are killed.
 */
export function spawnNode(
  name: string,
  flags: Readonly<Record<string, string>>,
  variables: Variables,
): ChildNode {
  const words = Object.entries({ '--name': name, ...flags }).flat()
  const child = spawn(process.execPath, [MAIN, ...SERVE, ...words], {
    stdio: [...STDIO],
    detached: true,
    env: { ...variables, ...withoutOptions(variables) },
  })
  return new ChildNode(name, child)
}

/** A worker of `node:cluster`, which shares the doors for checks with the others and ends with us. */
export function forkNode(options: ServerOptions, variables: Variables): ChildNode {
  const words = OPTION_NAMES.map((name) => `${flagOf(name)}=${writtenOption(options[name])}`)
  cluster.setupPrimary({ exec: MAIN, args: [...SERVE, ...words], stdio: [...STDIO] })
  const worker = cluster.fork(withoutOptions(variables))
  // The cluster's own copy of what `ended` tells: unheard it would be thrown, and end the parent and all others.
  worker.on('error', () => undefined)
  return new ChildNode(options.name, worker.process)
}

/** A node in a process of its own: `weir serve --json`. */
export class ChildNode {
  readonly name: string
  /** Resolves when the node listens; rejects with a `CommandError` when the process ends before. */
  readonly listening: Promise<ServeAnnouncement>
  /** Resolves with how the process ended; never rejects. */
  readonly ended: Promise<string>
  readonly #process: ChildProcess

  constructor(name: string, process: ChildProcess) {
    this.name = name
    this.#process = process
    this.ended = endOf(this.#process)
    this.listening = this.#announcement()
  }

  get isRunning(): boolean {
    return this.exitCode === null && this.#process.signalCode === null
  }

  get exitCode(): number | null {
    return this.#process.exitCode
  }

  /** Has it read its rules and credentials again. It has to listen. */
  reload(): void {
    this.#process.kill('SIGHUP')
  }

  /** Asks a worker to stop. */
  orderStop(): void {
    // One that has just ended is not told, and its end is what was wanted.
    this.#process.send(STOP_ORDER, () => undefined)
  }

  /** Asks it to stop. */
  stop(): void {
    this.#process.kill('SIGTERM')
  }

  /** Ends it at once. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }

  async #announcement(): Promise<ServeAnnouncement> {
    const line = await firstLine(this.#process)
    if (line !== undefined) return JSON.parse(line) as ServeAnnouncement
    const how = await this.ended
    const exit = this.exitCode === EXIT_CODES.configuration ? 'configuration' : 'failure'
    throw new CommandError(`${this.name} ${how}`, { exit })
  }
}

/** The first line of a process's output; undefined when it ends without one. */
function firstLine({ stdout }: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    if (stdout === null) return resolve(undefined)
    const lines = createInterface({ input: stdout })
    lines.once('line', resolve)
    lines.once('close', () => resolve(undefined))
  })
}

/** Options of a node in the environment are meant for another node: they are unset. */
function withoutOptions(variables: Variables): Record<string, undefined> {
  const names = Object.keys(variables).filter((name) => name.startsWith('WEIR_'))
  return Object.fromEntries(names.map((name) => [name, undefined]))
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`))
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`)
    })
  })
}
