import { parentPort } from 'node:worker_threads'
import { type Job, type JobProgress, type JobResult, work } from './job.ts'

/** What a worker says: now and then how far it is, and what came of its job. */
export type WorkerWord =
  | { readonly type: 'progress'; readonly at: JobProgress }
  | { readonly type: 'done'; readonly result: JobResult }

/** Nobody reads faster. */
const TELL_EVERY_MS = 100

parentPort?.on('message', (job: Job) => {
  let toldMs = 0
  const result = work(job, (at) => {
    const nowMs = performance.now()
    if (nowMs - toldMs < TELL_EVERY_MS) return
    toldMs = nowMs
    say({ type: 'progress', at })
  })
  say({ type: 'done', result })
})

function say(word: WorkerWord): void {
  parentPort?.postMessage(word)
}
