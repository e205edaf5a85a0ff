import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type Job, type JobProgress, type JobResult, work } from './job.ts'
import type { WorkerWord } from './worker.ts'

/**
 * A simulated cluster keeps hundreds of thousands of frames under way that are short-lived, but not that short:
 * with the default of 48 MB much of the time goes into moving them from one half of it to the other.
 */
const LIMITS = { maxYoungGenerationSizeMb: 384 }

interface Waiting {
  readonly job: Job
  readonly done: (result: JobResult) => void
  readonly failed: (error: Error) => void
}

/**
 * Threads that work on jobs, each on one at a time. Results come to whoever gave the job, so that what is made of
 * them does not depend on who was done first. A pool of one works on the caller's own thread.
 */
export class Pool {
  readonly #threads: Worker[] = []
  readonly #idle: Worker[] = []
  readonly #waiting: Waiting[] = []
  readonly #progress: Map<Worker | undefined, JobProgress> = new Map()
  #last: Promise<unknown> = Promise.resolve()

  constructor(threads: number) {
    if (threads <= 1) return
    for (let started = 0; started < threads; started++) {
      const worker = new Worker(new URL('./worker.js', import.meta.url), { resourceLimits: LIMITS })
      this.#threads.push(worker)
      this.#idle.push(worker)
    }
  }

  /** What the runs that are under way have done so far, together. */
  get underWay(): JobProgress {
    let events = 0
    let virtualMs = 0
    for (const at of this.#progress.values()) {
      events += at.events
      virtualMs += at.virtualMs
    }
    return { events, virtualMs }
  }

  /** Jobs are begun in the order in which they are given. */
  run(job: Job): Promise<JobResult> {
    if (this.#threads.length === 0) return this.#runHere(job)
    return new Promise((done, failed) => {
      this.#waiting.push({ job, done, failed })
      this.#next()
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((worker) => worker.terminate()))
  }

  /** One after the other, with a breath between them for signals and whoever shows progress. */
  #runHere(job: Job): Promise<JobResult> {
    const result = this.#last.then(async () => {
      await setImmediate()
      const done = work(job, (at) => this.#progress.set(undefined, at))
      this.#progress.delete(undefined)
      return done
    })
    this.#last = result.catch(() => undefined)
    return result
  }

  #next(): void {
    const worker = this.#idle.at(-1)
    const waiting = this.#waiting[0]
    if (worker === undefined || waiting === undefined) return
    this.#idle.pop()
    this.#waiting.shift()
    const heard = (word: WorkerWord) => {
      if (word.type === 'progress') {
        this.#progress.set(worker, word.at)
        return
      }
      end()
      this.#idle.push(worker)
      waiting.done(word.result)
      this.#next()
    }
    // A worker that fell over is gone; the others go on.
    const fell = (error: unknown) => {
      end()
      waiting.failed(error instanceof Error ? error : new Error(String(error)))
    }
    const end = () => {
      this.#progress.delete(worker)
      worker.off('message', heard)
      worker.off('error', fell)
    }
    worker.on('message', heard)
    worker.on('error', fell)
    worker.postMessage(waiting.job)
  }
}
