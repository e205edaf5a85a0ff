import cluster from 'node:cluster'
import { setTimeout as after } from 'node:timers/promises'
import type { Logger } from 'pino'
import { clear } from '../http/listen.ts'
import type { ServerOptions } from '../options.ts'
import type { Variables } from './child-node.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import {
  CLOSE_MS_MAX,
  type Run,
  type ServeAnnouncement,
  type WorkersAnnouncement,
} from './serving.ts'
import { Worker } from './worker.ts'
import { planWorkers } from './worker-plan.ts'

/** What each worker beyond the first may take to leave: it waits a second for its clients to notice. */
const LEAVE_MS = 2_000

/**
 * Nodes that answer at the same addresses, a process each. Their parent starts them, starts them again when they die, and
 * tells them to reload and to leave. It decides nothing and sees no request.
 */
export async function runWorkers(
  options: ServerOptions,
  variables: Variables,
  { log, stop, announce }: Run,
): Promise<ExitCode> {
  const workers = new Workers(options, variables, log)
  process.on('exit', () => workers.kill())
  process.on('SIGHUP', () => workers.reload())
  const announcement = await workers.start()
  announce(announcement)
  log.info({ event: 'started', ...announcement }, 'listening')
  log.info({ event: 'stopping', reason: await stop }, 'stopping')
  const inOrder = await workers.stop()
  log.info({ event: 'stopped' }, 'stopped')
  return inOrder ? 'ok' : 'failure'
}

class Workers {
  readonly #options: ServerOptions
  readonly #variables: Variables
  readonly #log: Logger
  readonly #workers: readonly Worker[]
  readonly #stopping = new AbortController()
  #restarts: Promise<unknown> = Promise.resolve()
  #reloads = 0

  constructor(options: ServerOptions, variables: Variables, log: Logger) {
    this.#options = options
    this.#variables = variables
    this.#log = log
    this.#workers = planWorkers(options).map((plan) => new Worker(plan))
    // All take connections from one listening socket. To hand them out in turn spreads a few of them more evenly,
    // but costs a connection more than a check does, and leaves nobody to enforce the limit of connections.
    cluster.schedulingPolicy = cluster.SCHED_NONE
  }

  /** The first worker first, who is the others' seed. All listen, or none is left running. */
  async start(): Promise<WorkersAnnouncement> {
    const { name, listen } = this.#options
    try {
      for (const address of listen) await clear(address)
      const [first, ...others] = this.#workers as [Worker, ...Worker[]]
      const announced = await this.#launch(first)
      const later = await Promise.all(others.map((worker) => this.#launch(worker)))
      for (const worker of this.#workers) void this.#keep(worker)
      return { name, http: announced.http, workers: [announced, ...later], pid: process.pid }
    } catch (error) {
      await this.stop()
      if (error instanceof CommandError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      const exit = 'configuration'
      throw new CommandError(`the workers cannot start: ${reason}`, { cause: error, exit })
    }
  }

  reload(): void {
    this.#reloads += 1
    for (const worker of this.#workers) if (worker.isListening) worker.reload()
  }

  /** One after the other, so that each hands its keys over to those who stay. Tells whether all ended in order. */
  async stop(): Promise<boolean> {
    this.#stopping.abort()
    const startMs = performance.now()
    let inOrder = true
    for (const [step, worker] of this.#workers.entries()) {
      // Time that one does not need is left to the next; one that is stuck takes none from those after it.
      const deadlineMs = startMs + CLOSE_MS_MAX + step * LEAVE_MS
      if (!(await this.#left(worker, deadlineMs - performance.now()))) inOrder = false
    }
    return inOrder
  }

  async #left(worker: Worker, withinMs: number): Promise<boolean> {
    const leaving = worker.leave()
    const left = await Promise.race([leaving, after(withinMs, undefined, { ref: false })])
    if (left !== undefined) return left
    const { name } = worker
    this.#log.error(
      { event: 'stop_timeout', worker: name, afterMs: Math.round(withinMs) },
      `${name} is killed`,
    )
    worker.kill()
    return leaving
  }

  kill(): void {
    for (const worker of this.#workers) worker.kill()
  }

  /** Starts a worker again whenever it ends. */
  async #keep(worker: Worker): Promise<void> {
    const { signal } = this.#stopping
    for (;;) {
      const { how, restartMs } = await worker.ended()
      if (signal.aborted) return
      const { name } = worker
      this.#log.error({ event: 'worker_ended', worker: name, how, restartMs }, `${name} ${how}`)
      await after(restartMs, undefined, { signal }).catch(() => undefined)
      // One after the other: two that started at once, and alone, would be two clusters.
      this.#restarts = this.#restarts.then(() => this.#relaunch(worker))
      await this.#restarts
    }
  }

  async #relaunch(worker: Worker): Promise<void> {
    if (this.#stopping.signal.aborted) return
    await this.#launch(worker).catch(() => {
      // It has said why, and its end tells #keep.
    })
  }

  async #launch(worker: Worker): Promise<ServeAnnouncement> {
    const seeds = this.#workers.flatMap(({ seed }) => seed ?? [])
    const reloads = this.#reloads
    const announcement = await worker.start(seeds, this.#variables)
    // It may have read its rules just before it was to read them again.
    if (reloads !== this.#reloads) worker.reload()
    return announcement
  }
}
