import type { ChildProcess } from 'node:child_process'

/** A process of ours that does one job at a time, asked and answered over its channel. */

type Reply<Result> = { readonly result: Result } | { readonly error: string }

/** The asking end. */
export class Worker<Job, Result> {
  readonly #child: ChildProcess
  readonly #name: string

  constructor(name: string, child: ChildProcess) {
    this.#name = name
    this.#child = child
  }

  get pid(): number {
    return this.#child.pid as number
  }

  /** Rejects when the job fails, or the process ends. One job at a time. */
  ask(job: Job): Promise<Result> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null, signal: string | null) =>
        settle(() => reject(new Error(`${this.#name} ended (${signal ?? code}) at work`)))
      const replied = (reply: Reply<Result>) =>
        settle(() => {
          if ('result' in reply) resolve(reply.result)
          else reject(new Error(`${this.#name}: ${reply.error}`))
        })
      const settle = (act: () => void) => {
        this.#child.off('exit', ended).off('message', replied)
        act()
      }
      this.#child.on('exit', ended).on('message', replied)
      if (this.#child.exitCode !== null) ended(this.#child.exitCode, null)
      else this.#child.send(job as object)
    })
  }
}

/** The working end: call it once, at the end of a process's module. The process ends with its asker. */
export function work<Job, Result>(perform: (job: Job) => Promise<Result> | Result): void {
  process.on('disconnect', () => process.exit())
  process.on('message', async (job) => {
    let reply: Reply<Result>
    try {
      reply = { result: await perform(job as Job) }
    } catch (error) {
      reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
    process.send?.(reply)
  })
}
