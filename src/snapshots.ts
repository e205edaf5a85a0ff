import { createHash } from 'node:crypto'
import { setTimeout as delay, setImmediate as yieldTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import { CLOCK_AHEAD_MS_MAX, SNAPSHOT_MS } from '../cluster/limits.ts'
import { mergeFrame, SnapshotReading, SnapshotTaking } from '../cluster/snapshot.ts'
import type { Clock } from './clock.ts'
import type { Limiter } from './limiter/limiter.ts'
import { slowRulesOf } from './limiter/slow-rules.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { SnapshotFile, SnapshotRefusal } from './snapshot-file.ts'

/** Work is done for so long in one turn of the event loop, and then not for ten times as long: a tenth of a core. */
const WORK_MS = 1
const PAUSE_MS = 10
/** The last one, at shutdown, may take this long: it delays nobody's checks, but whoever waits for the process to end. */
const CLOSE_MS_MAX = 5_000

export interface SnapshotsDependencies {
  readonly limiter: Limiter
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Logger
}

export interface SnapshotsOptions {
  readonly file: SnapshotFile
  /** What nodes of one cluster have in common, and no others. */
  readonly fingerprint: Uint8Array
  /** Default `SNAPSHOT_MS`. */
  readonly everyMs?: number
}

/**
 * Keeps what is known of slow limits on disk, so that it survives a restart of all nodes at once: written every
 * few seconds and at shutdown, read before anything is decided.
 *
 * No decision ever waits for the disk: it is written to between turns, one snapshot at a time, and a turn in which
 * the last one has not ended is skipped. What goes wrong is logged and counted, and the node goes on without.
 */
export class Snapshots {
  readonly #limiter: Limiter
  readonly #clock: Clock
  readonly #metrics: Metrics
  readonly #log: Logger
  readonly #options: SnapshotsOptions
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #isClosing = false

  constructor({ limiter, clock, metrics, log }: SnapshotsDependencies, options: SnapshotsOptions) {
    this.#limiter = limiter
    this.#clock = clock
    this.#metrics = metrics
    this.#log = log
    this.#options = options
  }

  /** Merges what the last life wrote down. A file that cannot be used is put aside, and the node starts without. */
  async load(): Promise<void> {
    const { file, fingerprint } = this.#options
    const reading = new SnapshotReading(createHash('sha256'))
    try {
      if (!(await file.read((piece) => reading.take(piece)))) return
    } catch (error) {
      this.#refused('unreadable', messageOf(error))
      return
    }
    const { spanMs } = slowRulesOf(this.#limiter.rules)
    const expected = { fingerprint, spanMs, aheadMsMax: CLOCK_AHEAD_MS_MAX }
    const snapshot = reading.end(expected, this.#nowMs())
    if (snapshot.type === 'refused') {
      const failure = await file.reject().then(() => undefined, messageOf)
      this.#refused(snapshot.reason, failure)
      return
    }
    const counts = await this.#merge(snapshot.frames)
    this.#metrics.snapshots.asOf(snapshot.asOfMs)
    const ageMs = this.#nowMs() - snapshot.asOfMs
    this.#log.info({ event: 'snapshot_loaded', path: file.path, ageMs, counts })
  }

  start(): void {
    const { everyMs = SNAPSHOT_MS } = this.#options
    this.#timer = setInterval(() => this.#writeUnlessBusy(), everyMs)
    this.#timer.unref()
  }

  /** Writes a last one, of everything that was ever decided. Takes at most `CLOSE_MS_MAX`. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#isClosing = true
    const last = async () => {
      await this.#writing
      await this.#write()
      return true
    }
    const isWritten = await Promise.race([last(), delay(CLOSE_MS_MAX, false, { ref: false })])
    if (!isWritten) this.#failed(`the disk was not done within ${CLOSE_MS_MAX} ms`)
  }

  #writeUnlessBusy(): void {
    if (this.#writing !== undefined) {
      this.#metrics.snapshots.due('skipped')
      this.#log.warn(
        { event: 'snapshot_skipped', path: this.#options.file.path },
        'no new snapshot: the last one is still being written; the disk is slow, or there are very many keys',
      )
      return
    }
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { file, fingerprint } = this.#options
    const { wanted } = slowRulesOf(this.#limiter.rules)
    if (wanted.length === 0) return
    const what = { wanted, fingerprint, checksum: createHash('sha256') }
    const taking = new SnapshotTaking(this.#limiter, what, this.#nowMs())
    try {
      await file.replace(this.#bodyOf(taking), () => taking.header())
    } catch (error) {
      this.#failed(messageOf(error))
      return
    }
    this.#metrics.snapshots.due('written')
    this.#metrics.snapshots.asOf(taking.asOfMs)
  }

  async *#bodyOf(taking: SnapshotTaking): AsyncGenerator<Uint8Array> {
    for (;;) {
      const untilMs = performance.now() + WORK_MS
      const pieces: Uint8Array[] = []
      let piece = taking.next(this.#nowMs())
      while (piece !== undefined) {
        pieces.push(piece)
        piece = performance.now() < untilMs ? taking.next(this.#nowMs()) : undefined
      }
      if (pieces.length === 0) return
      yield Buffer.concat(pieces)
      await (this.#isClosing ? yieldTurn() : delay(PAUSE_MS, undefined, { ref: false }))
    }
  }

  async #merge(frames: readonly Uint8Array[]): Promise<number> {
    let counts = 0
    let untilMs = performance.now() + WORK_MS
    for (const frame of frames) {
      counts += mergeFrame(this.#limiter, frame, this.#nowMs())
      if (performance.now() < untilMs) continue
      await yieldTurn()
      untilMs = performance.now() + WORK_MS
    }
    return counts
  }

  #refused(reason: SnapshotRefusal, failure: string | undefined): void {
    const { path, rejectedPath } = this.#options.file
    this.#metrics.snapshots.refused(reason)
    const kept = failure === undefined ? `it is kept as ${rejectedPath}` : failure
    const level = reason === 'stale' ? 'info' : 'warn'
    this.#log[level](
      { event: 'snapshot_refused', path, reason },
      `the snapshot ${path} is not used: ${REFUSALS[reason]}; ${kept}`,
    )
  }

  #failed(reason: string): void {
    const { path } = this.#options.file
    this.#metrics.snapshots.due('failed')
    this.#log.warn(
      { event: 'snapshot_failed', path, reason },
      `no snapshot was written to ${path}: make room and let this user write there; the last one stays`,
    )
  }

  #nowMs(): number {
    return Math.floor(this.#clock.nowMs())
  }
}

/** What is wrong, and what to do. */
const REFUSALS: Readonly<Record<SnapshotRefusal, string>> = {
  unreadable: 'it cannot be read; let this user read it, or remove it',
  truncated: 'its end is missing; look after the disk if this comes again',
  damaged: 'it was changed, or is something else; look after the disk if this comes again',
  version: 'another version of Weir wrote it; start that one to use it',
  foreign: 'it was written with another secret or cluster name; start with these to use it',
  future: 'it was written later than it is now; set the clock right and start again',
  stale: 'it is so old that nothing in it can matter; there is nothing to do',
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
