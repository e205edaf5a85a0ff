import { type ChildProcess, spawn } from 'node:child_process'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CommandError } from './exit-code.ts'
import type { ServeAnnouncement } from './serve.ts'

/** The command this process itself runs, compiled or not. */
const MAIN = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url))

/**
 * A node in a process of its own: `weir serve --json`.
 *
 * The child is not of our process group, so that Ctrl-C reaches it only through us; and it has a channel
 * to us, whose loss tells it to stop when we are killed.
 */
export class ChildNode {
  readonly name: string
  /** Resolves when the node listens; rejects with a `CommandError` when the process ends before. */
  readonly listening: Promise<ServeAnnouncement>
  /** Resolves with how the process ended; never rejects. */
  readonly ended: Promise<string>
  readonly #process: ChildProcess

  constructor(
    name: string,
    flags: Readonly<Record<string, string>>,
    variables: Readonly<Record<string, string | undefined>>,
  ) {
    this.name = name
    const words = ['serve', '--json', ...Object.entries({ '--name': name, ...flags }).flat()]
    this.#process = spawn(process.execPath, [MAIN, ...words], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      detached: true,
      env: withoutOptions(variables),
    })
    this.ended = endOf(this.#process)
    this.listening = this.#announcement()
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
    throw new CommandError(`${this.name} ${await this.ended}`, { exit: 'failure' })
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

/** Options of a node in the environment are meant for another node. */
function withoutOptions(
  variables: Readonly<Record<string, string | undefined>>,
): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith('WEIR_')))
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`))
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`)
    })
  })
}
