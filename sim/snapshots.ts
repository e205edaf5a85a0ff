import { CLOCK_AHEAD_MS_MAX, SNAPSHOT_MS } from '../cluster/limits.ts'
import {
  FINGERPRINT_BYTES,
  mergeFrame,
  type SnapshotMistake,
  SnapshotReading,
  SnapshotTaking,
} from '../cluster/snapshot.ts'
import type { Limiter } from '../src/limiter/limiter.ts'
import { slowRulesOf } from '../src/limiter/slow-rules.ts'
import { type Disk, FnvChecksum } from './disk.ts'

/** What became of the snapshot that a life found when it began. */
export type Recalled = 'read' | SnapshotMistake

/** All nodes of a world are of one cluster. */
const FINGERPRINT = new Uint8Array(FINGERPRINT_BYTES)

/**
 * One life's snapshots: what `src/snapshots.ts` is in production, in virtual time. Some work at each tick, one
 * write at a time, and none of it is waited for.
 */
export class Snapshots {
  readonly #limiter: Limiter
  readonly #disk: Disk
  #dueMs: number
  #taking: SnapshotTaking | undefined
  #pieces: Uint8Array[] = []
  #isWriting = false

  constructor(limiter: Limiter, disk: Disk, nowMs: number) {
    this.#limiter = limiter
    this.#disk = disk
    this.#dueMs = nowMs + SNAPSHOT_MS
  }

  /** Undefined if there is nothing to read. */
  recall(nowMs: number): Recalled | undefined {
    const { file } = this.#disk
    if (file === undefined) return undefined
    const reading = new SnapshotReading(new FnvChecksum())
    reading.take(file)
    const { spanMs } = slowRulesOf(this.#limiter.rules)
    const expected = { fingerprint: FINGERPRINT, spanMs, aheadMsMax: CLOCK_AHEAD_MS_MAX }
    const snapshot = reading.end(expected, nowMs)
    if (snapshot.type === 'refused') return snapshot.reason
    for (const frame of snapshot.frames) mergeFrame(this.#limiter, frame, nowMs)
    return 'read'
  }

  /** Does a bit of work. A file that is ready is to be put in place, and until `written` there is no other. */
  tick(nowMs: number): Uint8Array | undefined {
    if (nowMs >= this.#dueMs) {
      this.#dueMs += SNAPSHOT_MS
      if (this.#taking === undefined && !this.#isWriting) this.#begin(nowMs)
    }
    if (this.#taking === undefined) return undefined
    const piece = this.#taking.next(nowMs)
    if (piece === undefined) {
      this.#isWriting = true
      return this.#finished(this.#taking)
    }
    this.#pieces.push(piece)
    return undefined
  }

  written(): void {
    this.#isWriting = false
  }

  /** The last one, of a process that ends in order. */
  last(nowMs: number): Uint8Array | undefined {
    this.#begin(nowMs)
    while (this.#taking !== undefined) {
      const piece = this.#taking.next(nowMs)
      if (piece === undefined) return this.#finished(this.#taking)
      this.#pieces.push(piece)
    }
    return undefined
  }

  #begin(nowMs: number): void {
    const { wanted } = slowRulesOf(this.#limiter.rules)
    if (wanted.length === 0) return
    const what = { wanted, fingerprint: FINGERPRINT, checksum: new FnvChecksum() }
    this.#taking = new SnapshotTaking(this.#limiter, what, nowMs)
    this.#pieces = []
  }

  #finished(taking: SnapshotTaking): Uint8Array {
    const pieces = [taking.header(), ...this.#pieces]
    const file = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0))
    let at = 0
    for (const piece of pieces) {
      file.set(piece, at)
      at += piece.length
    }
    this.#taking = undefined
    return file
  }
}
