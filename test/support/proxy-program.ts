import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { isListening } from '../../bench/program.ts'
import { within } from './real-node.ts'

const START_MS_MAX = 15_000

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
