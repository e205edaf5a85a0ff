import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'

/** What one client saw of one check. Times are milliseconds since 1970, of one clock for all workers. */
export interface Seen {
  readonly sentMs: number
  readonly doneMs: number
  /** HTTP status; 0 when the connection failed or was lost. */
  readonly status: number
  readonly allowed: boolean
  readonly decidedBy: string
}

export interface LoadOptions {
  readonly urls: readonly string[]
  readonly rule: string
  readonly key: string
  readonly durationMs: number
  readonly workers: number
  readonly connections: number
}

/**
 * Closed-loop clients, each on a connection of its own: as soon as one check is answered it sends the next.
 * A client whose node fails retries the same check at the next node, as an application would.
 */
export async function load(options: LoadOptions): Promise<Seen[]> {
  const script = resolve(import.meta.dirname, 'load-worker.mjs')
  const logs = Array.from({ length: options.workers }, (_, worker) => {
    return new Promise<Seen[]>((settle, reject) => {
      const thread = new Worker(script, { workerData: { ...options, worker } })
      thread.once('message', settle)
      thread.once('error', reject)
    })
  })
  return (await Promise.all(logs)).flat()
}

/** Seconds from the first check sent to the last one answered: the time in which tokens could refill. */
export function spanSeconds(log: readonly Seen[]): number {
  return secondsBetween(log, 'sentMs', 'doneMs')
}

/** Seconds from the first answer to the last check sent: in which a token that refilled could be taken at once. */
export function askedSeconds(log: readonly Seen[]): number {
  return secondsBetween(log, 'doneMs', 'sentMs')
}

/** From the earliest of one kind of moment to the latest of another. */
function secondsBetween(
  log: readonly Seen[],
  from: 'sentMs' | 'doneMs',
  to: 'sentMs' | 'doneMs',
): number {
  let first = Number.POSITIVE_INFINITY
  let last = 0
  for (const seen of log) {
    first = Math.min(first, seen[from])
    last = Math.max(last, seen[to])
  }
  return (last - first) / 1_000
}

export function admitted(log: readonly Seen[]): number {
  return log.filter(({ allowed }) => allowed).length
}
