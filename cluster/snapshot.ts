import type { WantedBuckets } from '../crdt/counts.ts'
import { NO_COUNTS } from '../crdt/counts.ts'
import { FRAME_BYTES_MAX, REPAIR_ROWS_PER_TICK, SNAPSHOT_BYTES_MAX } from './limits.ts'
import type { RepairCursor, ReplicatedState } from './replicated-state.ts'
import { decode, encode } from './wire.ts'

/**
 * What a node knows of its slow limits, as the bytes of a file: a repair written down for its next life.
 *
 *     header   magic, version, as of when, the cluster's fingerprint, bytes of the body, checksum
 *     body     frames of `cluster/wire.ts`, each after its length; the last one, and no other, says that it is the last
 *
 * Counts are absolute and only grow, so they need not be of one instant: of every key held from the beginning
 * to the end there is at least what it was at the beginning, which is the time in the header. Reading is a merge
 * like any other: nothing is lowered, what has fallen off meanwhile is ignored, and the node's former life is an
 * actor among others.
 *
 * The checksum covers everything else, and the header is written when the body is complete: a snapshot is read
 * whole or not at all.
 */
const MAGIC = 0x77656972_736e6170n // "weirsnap"
const VERSION = 1
const LENGTH_BYTES = 4

/** Offsets in the header. All numbers are big-endian. */
const VERSION_AT = 8
const AS_OF_AT = 12
const BODY_BYTES_AT = 20
const FINGERPRINT_AT = 28
const CHECKSUM_AT = 60
export const SNAPSHOT_HEADER_BYTES = 92
export const FINGERPRINT_BYTES = 32

/** SHA-256: 32 bytes of all the bytes that it was given. The core has no such thing of its own. */
export interface Checksum {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
}

/**
 * Takes one snapshot, a bounded amount of work at a time. It throws a `RangeError` for a state that is larger than
 * `SNAPSHOT_BYTES_MAX`.
 */
export class SnapshotTaking {
  readonly asOfMs: number
  readonly #state: ReplicatedState
  readonly #wanted: readonly WantedBuckets[]
  readonly #fingerprint: Uint8Array
  readonly #checksum: Checksum
  #cursor: RepairCursor | undefined = { rule: 0, row: 0 }
  #bodyBytes = 0

  constructor(
    state: ReplicatedState,
    what: {
      readonly wanted: readonly WantedBuckets[]
      readonly fingerprint: Uint8Array
      readonly checksum: Checksum
    },
    nowMs: number,
  ) {
    this.asOfMs = nowMs
    this.#state = state
    this.#wanted = what.wanted
    this.#fingerprint = what.fingerprint
    this.#checksum = what.checksum
  }

  /** The next bytes of the body, which may be none; undefined when there are no more. */
  next(nowMs: number): Uint8Array | undefined {
    if (this.#cursor === undefined) return undefined
    const step = this.#state.repair(this.#wanted, this.#cursor, REPAIR_ROWS_PER_TICK, nowMs)
    this.#cursor = step.next
    const frames = step.counts.map((counts) => frameOf(counts, false))
    if (step.next === undefined) frames.push(frameOf(NO_COUNTS, true))
    const bytes = behindTheirLengths(frames)
    this.#checksum.update(bytes)
    this.#bodyBytes += bytes.length
    if (this.#bodyBytes > SNAPSHOT_BYTES_MAX) {
      throw new RangeError(`a snapshot above ${SNAPSHOT_BYTES_MAX} bytes could not be read again`)
    }
    return bytes
  }

  /** What stands before the body, once that is complete. To be called once. */
  header(): Uint8Array {
    const header = new Uint8Array(SNAPSHOT_HEADER_BYTES)
    const view = new DataView(header.buffer)
    view.setBigUint64(0, MAGIC)
    view.setUint32(VERSION_AT, VERSION)
    view.setBigUint64(AS_OF_AT, BigInt(this.asOfMs))
    view.setBigUint64(BODY_BYTES_AT, BigInt(this.#bodyBytes))
    header.set(this.#fingerprint, FINGERPRINT_AT)
    this.#checksum.update(header.subarray(0, CHECKSUM_AT))
    header.set(this.#checksum.digest(), CHECKSUM_AT)
    return header
  }
}

/**
 * Why a snapshot is not used; a closed set, and a metric label.
 *
 * - `truncated`: it ends too early. `damaged`: it is something else, or was changed. `version`: of a later Weir.
 * - `foreign`: of a cluster with another secret, whose keys have other hashes.
 * - `future`: written by a clock ahead of this one. `stale`: nothing in it can still matter.
 */
export const SNAPSHOT_MISTAKES = [
  'truncated',
  'damaged',
  'version',
  'foreign',
  'future',
  'stale',
] as const
export type SnapshotMistake = (typeof SNAPSHOT_MISTAKES)[number]

export type SnapshotRead =
  | { readonly type: 'refused'; readonly reason: SnapshotMistake }
  | {
      readonly type: 'read'
      readonly asOfMs: number
      /** Each to be merged by `mergeFrame`. */
      readonly frames: readonly Uint8Array[]
    }

/** What a snapshot has to fit. */
export interface SnapshotExpected {
  readonly fingerprint: Uint8Array
  /** The longest time for which any count is kept. */
  readonly spanMs: number
  /** How far ahead the clock that wrote it may be. */
  readonly aheadMsMax: number
}

/** Reads a snapshot in pieces of any size, and says at the end whether it is one. It touches no state. */
export class SnapshotReading {
  readonly #checksum: Checksum
  readonly #header = new Uint8Array(SNAPSHOT_HEADER_BYTES)
  #headerBytes = 0
  #bodyBytes = 0
  /** The beginning of a frame whose end has not come yet. */
  #rest: Uint8Array = NOTHING
  #frames: Uint8Array[] = []
  #isComplete = false
  #mistake: SnapshotMistake | undefined

  constructor(checksum: Checksum) {
    this.#checksum = checksum
  }

  /** The piece is copied, as far as it is kept. */
  take(piece: Uint8Array): void {
    const ofHeader = piece.subarray(0, SNAPSHOT_HEADER_BYTES - this.#headerBytes)
    this.#header.set(ofHeader, this.#headerBytes)
    this.#headerBytes += ofHeader.length
    const body = piece.subarray(ofHeader.length)
    this.#bodyBytes += body.length
    if (this.#bodyBytes > SNAPSHOT_BYTES_MAX) this.#fail('damaged')
    this.#checksum.update(body)
    if (this.#mistake === undefined) this.#split(body)
  }

  end(expected: SnapshotExpected, nowMs: number): SnapshotRead {
    const reason = this.#mistakeOfBytes() ?? this.#mistakeOfMeaning(expected, nowMs)
    if (reason !== undefined) return { type: 'refused', reason }
    return { type: 'read', asOfMs: this.#number(AS_OF_AT), frames: this.#frames }
  }

  #mistakeOfBytes(): SnapshotMistake | undefined {
    if (this.#headerBytes < SNAPSHOT_HEADER_BYTES) return 'truncated'
    const view = new DataView(this.#header.buffer)
    if (view.getBigUint64(0) !== MAGIC) return 'damaged'
    if (view.getUint32(VERSION_AT) !== VERSION) return 'version'
    if (this.#bodyBytes < this.#number(BODY_BYTES_AT)) return 'truncated'
    this.#checksum.update(this.#header.subarray(0, CHECKSUM_AT))
    const isWhole = isEqual(this.#checksum.digest(), this.#header.subarray(CHECKSUM_AT))
    if (!isWhole || this.#bodyBytes !== this.#number(BODY_BYTES_AT)) return 'damaged'
    if (this.#mistake !== undefined) return this.#mistake
    return this.#isComplete && this.#rest.length === 0 ? undefined : 'damaged'
  }

  #mistakeOfMeaning(expected: SnapshotExpected, nowMs: number): SnapshotMistake | undefined {
    const fingerprint = this.#header.subarray(FINGERPRINT_AT, FINGERPRINT_AT + FINGERPRINT_BYTES)
    if (!isEqual(expected.fingerprint, fingerprint)) return 'foreign'
    const ageMs = nowMs - this.#number(AS_OF_AT)
    if (ageMs < -expected.aheadMsMax) return 'future'
    return ageMs >= expected.spanMs ? 'stale' : undefined
  }

  #split(body: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? body : joined([this.#rest, body])
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = 0
    while (bytes.length - at >= LENGTH_BYTES && this.#mistake === undefined) {
      const length = view.getUint32(at)
      if (length > FRAME_BYTES_MAX) this.#fail('damaged')
      const end = at + LENGTH_BYTES + length
      if (end > bytes.length) break
      this.#keep(copyOf(bytes.subarray(at + LENGTH_BYTES, end)))
      at = end
    }
    this.#rest = this.#mistake === undefined ? copyOf(bytes.subarray(at)) : NOTHING
  }

  #keep(frame: Uint8Array): void {
    const decoded = decode(frame)
    if (decoded.type === 'malformed') {
      this.#fail(decoded.reason === 'version' ? 'version' : 'damaged')
    } else if (decoded.message.type !== 'repair' || this.#isComplete) this.#fail('damaged')
    else if (decoded.message.last) this.#isComplete = true
    else this.#frames.push(frame)
  }

  /** Nothing of it is kept any longer. */
  #fail(mistake: SnapshotMistake): void {
    this.#mistake ??= mistake
    this.#frames = []
    this.#rest = NOTHING
  }

  #number(at: number): number {
    return Number(new DataView(this.#header.buffer).getBigUint64(at))
  }
}

/** Merges one frame of a snapshot that was read; returns how many counts were news. */
export function mergeFrame(state: ReplicatedState, frame: Uint8Array, nowMs: number): number {
  const decoded = decode(frame)
  if (decoded.type === 'malformed' || decoded.message.type !== 'repair') return 0
  return state.merge(decoded.message.counts, undefined, nowMs).raised
}

function frameOf(counts: typeof NO_COUNTS, last: boolean): Uint8Array {
  return encode({ type: 'repair', round: 0, counts, want: [], last })
}

function behindTheirLengths(frames: readonly Uint8Array[]): Uint8Array {
  return joined(
    frames.flatMap((frame) => {
      const length = new Uint8Array(LENGTH_BYTES)
      new DataView(length.buffer).setUint32(0, frame.length)
      return [length, frame]
    }),
  )
}

/** The pieces, one behind the other. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

/** Of any kind of bytes: `slice` of a Buffer is no copy. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}

const NOTHING = new Uint8Array(0)
