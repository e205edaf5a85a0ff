import type { ServerOptions } from '../options.ts'
import { type ChildNode, forkNode, type Variables } from './child-node.ts'
import { restartDelayMs } from './restart-delay.ts'
import type { ServeAnnouncement } from './serving.ts'
import { localSeed } from './worker-plan.ts'

/** Who has run for so long had no bad start. */
const STEADY_MS = 60_000

/** One worker over all its lives, each a process of its own. */
export class Worker {
  readonly #options: ServerOptions
  #child: ChildNode | undefined
  #announcement: ServeAnnouncement | undefined
  #startedMs = 0
  /** Lives in a row that were short. */
  #failures = 0

  constructor(options: ServerOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  get isListening(): boolean {
    return this.#listening !== undefined
  }

  /** Where the other workers of this host find it; undefined while it does not listen. */
  get seed(): string | undefined {
    return this.#listening && localSeed(this.#options, this.#listening.peer)
  }

  get #listening(): ServeAnnouncement | undefined {
    return this.#child?.isRunning === true ? this.#announcement : undefined
  }

  /** Resolves when it listens as a member of the cluster. Rejects with a `CommandError` when it ends before. */
  async start(seeds: readonly string[], variables: Variables): Promise<ServeAnnouncement> {
    this.#announcement = undefined
    this.#startedMs = performance.now()
    const options = { ...this.#options, seeds: [...seeds, ...this.#options.seeds] }
    this.#child = forkNode(options, variables)
    this.#announcement = await this.#child.listening
    return this.#announcement
  }

  /** Resolves when it has ended: with how, and after how many ms it is to be started again. */
  async ended(): Promise<{ readonly how: string; readonly restartMs: number }> {
    const how = (await this.#child?.ended) ?? 'was never started'
    const isSteady = performance.now() - this.#startedMs >= STEADY_MS
    this.#failures = isSteady ? 1 : this.#failures + 1
    return { how, restartMs: restartDelayMs(this.#failures) }
  }

  reload(): void {
    this.#child?.reload()
  }

  /** Resolves when it has left the cluster and ended; tells whether it did so in order. */
  async leave(): Promise<boolean> {
    if (this.#child?.isRunning !== true) return true
    this.#child.orderStop()
    await this.#child.ended
    return this.#child.exitCode === 0
  }

  kill(): void {
    this.#child?.kill()
  }
}
