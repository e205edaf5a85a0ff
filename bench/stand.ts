import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServeAnnouncement, WorkersAnnouncement } from '../src/cli/serving.ts'
import { type Core, cores } from './cores.ts'
import { isListening } from './program.ts'
import { Worker } from './worker.ts'
import { type Limit, NEVER_REFUSED, rulesYaml } from './workload.ts'

// Compiled, this file is in dist/bench; what is measured is beside it, in dist/src.
const WEIR = resolve(import.meta.dirname, '../src/cli/main.js')
const PROCESSES = resolve(import.meta.dirname, 'processes')

const LISTEN_MS_MAX = 5_000
const LISTEN_POLL_MS = 20

interface Served {
  readonly url: string
}

export type ServedNode = ServeAnnouncement & Served
export type ServedWorkers = WorkersAnnouncement & Served

/** The processes of one bench, each on its core, and a folder for their files. All gone once it is closed. */
export class Stand {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  readonly #running: ChildProcess[] = []
  readonly #cores = cores()
  readonly #atExit = () => this.#end()

  constructor() {
    process.once('exit', this.#atExit)
  }

  /** Runs something with a stand of its own. */
  static async with<Result>(use: (stand: Stand) => Promise<Result>): Promise<Result> {
    const stand = new Stand()
    try {
      return await use(stand)
    } finally {
      await stand.close()
    }
  }

  /** One of the files in `processes/`. */
  worker<Job, Result>(
    name: string,
    core: Core,
    nodeFlags: readonly string[] = [],
  ): Worker<Job, Result> {
    const script = join(PROCESSES, `${name}.js`)
    return new Worker(name, this.#start(core, [process.execPath, ...nodeFlags, script], 'inherit'))
  }

  /** A real node: `weir serve` with the bench's rule. */
  node(
    name: string,
    core: Core,
    flags: readonly string[],
    limit: Limit = NEVER_REFUSED,
  ): Promise<ServedNode> {
    return this.#serve(name, core, flags, limit)
  }

  /** So many workers behind one address, the same otherwise. */
  workers(
    name: string,
    core: Core,
    count: number,
    flags: readonly string[],
  ): Promise<ServedWorkers> {
    return this.#serve(name, core, ['--workers', `${count}`, ...flags], NEVER_REFUSED)
  }

  async #serve<Announcement extends ServeAnnouncement | WorkersAnnouncement>(
    name: string,
    core: Core,
    flags: readonly string[],
    limit: Limit,
  ): Promise<Announcement & Served> {
    const rules = join(this.folder, `${name}.yaml`)
    writeFileSync(rules, rulesYaml(limit))
    const words = [
      ...[process.execPath, WEIR, 'serve', '--json', '--name', name, '--rules', rules],
      ...['--admin', '127.0.0.1:0', '--log-level', 'warn', ...flags],
    ]
    const child = this.#start(core, words, 'pipe')
    const announcement = JSON.parse(await firstLine(name, child)) as Announcement
    return { ...announcement, url: announcement.http[0] as string }
  }

  /** Some other program that listens on a port, once it does: its process. */
  async listener(core: Core, port: number, words: readonly string[]): Promise<number> {
    const child = this.#start(core, words, 'ignore')
    const endMs = performance.now() + LISTEN_MS_MAX
    while (!(await isListening(port))) {
      if (!isRunning(child)) throw new Error(`${words[0]} ended at once`)
      if (performance.now() > endMs) throw new Error(`${words[0]} did not listen on port ${port}`)
      await delay(LISTEN_POLL_MS)
    }
    return child.pid as number
  }

  async close(): Promise<void> {
    process.off('exit', this.#atExit)
    const running = this.#running.filter(isRunning)
    this.#end()
    await Promise.all(running.map((child) => isRunning(child) && once(child, 'exit')))
  }

  #end(): void {
    for (const child of this.#running.filter(isRunning)) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** The channel tells a child that this process is gone, however it went. */
  #start(
    core: Core,
    words: readonly string[],
    output: 'inherit' | 'pipe' | 'ignore',
  ): ChildProcess {
    const [command = '', ...args] = [...this.#cores.before(core), ...words]
    const channel = output === 'ignore' ? [] : ['ipc' as const]
    const child = spawn(command, args, {
      stdio: ['ignore', output, 'inherit', ...channel],
      env: withoutOptions(process.env),
    })
    this.#running.push(child)
    return child
  }
}

/** Options of a node in the environment are meant for another node. */
function withoutOptions(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith('WEIR_')))
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

async function firstLine(name: string, child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error(`${name} has no output`)
  const lines = createInterface({ input: child.stdout })
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => text as string),
    once(child, 'exit').then(() => undefined),
  ])
  if (line === undefined) throw new Error(`${name} ended before it listened`)
  return line
}
