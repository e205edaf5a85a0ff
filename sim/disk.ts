import type { Checksum } from '../cluster/snapshot.ts'

/** Until something written is where it belongs, on a disk that is well. */
const WRITE_MS = 20

/** What a crash can do to a file that was just put in place, if the disk did not keep its word. */
export type DiskHarm = 'lost' | 'stale' | 'torn'

/**
 * The disk of one host: one file, replaced whole, that outlives its node's processes. It takes its time, and can
 * hang; and it may have told the process that something is safe which it then loses.
 */
export class Disk {
  #file: Uint8Array | undefined
  /** What was in its place before. */
  #replaced: Uint8Array | undefined
  #hangsUntilMs = Number.NEGATIVE_INFINITY

  get file(): Uint8Array | undefined {
    return this.#file
  }

  replace(file: Uint8Array): void {
    this.#replaced = this.#file
    this.#file = file
  }

  hang(untilMs: number): void {
    this.#hangsUntilMs = Math.max(this.#hangsUntilMs, untilMs)
  }

  isWell(nowMs: number): boolean {
    return nowMs >= this.#hangsUntilMs
  }

  /** How long it takes to write something now. */
  writeMs(nowMs: number): number {
    return WRITE_MS + Math.max(0, this.#hangsUntilMs - nowMs)
  }

  suffer(harm: DiskHarm): void {
    switch (harm) {
      case 'lost':
        this.#file = undefined
        break
      case 'stale':
        this.#file = this.#replaced
        break
      case 'torn':
        this.#file = this.#file?.subarray(0, this.#file.length >> 1)
        break
      default:
        harm satisfies never
    }
  }
}

/** FNV-1a, as often as there is room for: enough for a world without malice, and without Node's SHA-256. */
export class FnvChecksum implements Checksum {
  #hash = 0x811c9dc5

  update(bytes: Uint8Array): void {
    for (const byte of bytes) this.#hash = Math.imul(this.#hash ^ byte, 0x01000193)
  }

  digest(): Uint8Array {
    const words = new Uint32Array(DIGEST_WORDS).fill(this.#hash >>> 0)
    return new Uint8Array(words.buffer)
  }
}

const DIGEST_WORDS = 8
