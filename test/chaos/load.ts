import { once } from 'node:events'
import { setTimeout as after } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Seen } from './seen.ts'

export interface LoadPlan {
  /** Of all nodes, the ones that do not run among them: each has clients of its own. */
  readonly doors: readonly string[]
  readonly rule: string
  readonly key: string
  /** How many keys; each check picks one by chance. */
  readonly keys: number
  /** Clients of each door. */
  readonly clients: number
  /** From one check of a client to its next; 0 is as fast as answers come. */
  readonly paceMs: number
  /** How long a client waits for a node before it asks the next. */
  readonly attemptMs: number
  /** After this a check that nobody has answered is given up. */
  readonly deadlineMs: number
  /** What is written down: all, or only checks that were not answered by a decision. */
  readonly keep: 'all' | 'odd'
}

/** What the clients saw. */
export interface Logged {
  readonly asked: number
  readonly slowestMs: number
  readonly log: readonly Seen[]
}

const WARM_UP_MS = 4_000

/**
 * Five times the rate of the key, on four nodes. A node answers within its forward timeouts, half a second; a client
 * waits for four times that, because it shares the machine with the nodes.
 */
export const USUAL = {
  keys: 1,
  clients: 10,
  paceMs: 80,
  attemptMs: 2_000,
  deadlineMs: 10_000,
  keep: 'all',
} as const satisfies Partial<LoadPlan>

/** Checks of many keys that nobody refuses, to make work. */
export const PLENTY = { ...USUAL, rule: 'plenty', key: 'plenty', keys: 1_000, keep: 'odd' } as const

/** Clients at every node at once, each door's in a thread of their own. */
export class Load {
  readonly #workers: readonly Worker[]
  readonly #logs: readonly Promise<Logged>[]

  private constructor(workers: readonly Worker[], logs: readonly Promise<Logged>[]) {
    this.#workers = workers
    this.#logs = logs
  }

  /** Resolves when the first checks are sent. */
  static async start(plan: LoadPlan): Promise<Load> {
    const script = new URL('./load-worker.js', import.meta.url)
    const workers = plan.doors.map((_, home) => new Worker(script, { workerData: { plan, home } }))
    await Promise.all(workers.map((worker) => once(worker, 'message')))
    const logs = workers.map(logOf)
    for (const worker of workers) worker.postMessage('go')
    return new Load(workers, logs)
  }

  /** No more checks; resolves with what all clients saw, when the last is answered or given up. */
  async stop(): Promise<Logged> {
    for (const worker of this.#workers) worker.postMessage('stop')
    const logs = await Promise.all(this.#logs)
    return {
      asked: logs.reduce((sum, { asked }) => sum + asked, 0),
      slowestMs: Math.max(...logs.map(({ slowestMs }) => slowestMs)),
      log: logs.flatMap(({ log }) => log),
    }
  }
}

/** Lets every process compile its hot path: a cold start is not what is measured. */
export async function warmUp(doors: readonly string[]): Promise<void> {
  const load = await Load.start({ ...PLENTY, doors })
  await after(WARM_UP_MS)
  await load.stop()
}

function logOf(worker: Worker): Promise<Logged> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`a load thread ended with ${code}`)))
  })
}
