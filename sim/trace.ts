/**
 * A running fingerprint of everything that happened: FNV-1a over words of 32 bits. Equal for equal runs;
 * one event more, less, later or different makes another.
 */
export class Trace {
  #hash = OFFSET
  /** Names come again and again: each is hashed once. */
  readonly #names = new Map<string, number>()

  /** `value` is a whole number; only its low 32 bits count. */
  word(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value & 0xffff), PRIME)
    this.#hash = Math.imul(this.#hash ^ (value >>> 16), PRIME)
  }

  name(name: string): void {
    let hash = this.#names.get(name)
    if (hash === undefined) {
      hash = hashText(name)
      this.#names.set(name, hash)
    }
    this.word(hash)
  }

  /** A time in milliseconds, to the microsecond. */
  time(atMs: number): void {
    const micros = Math.round(atMs * 1_000)
    this.word(micros)
    this.word(micros / 2 ** 32)
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }
}

/** FNV-1a of a text. */
export function hashText(text: string): number {
  let hash = OFFSET
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME)
  return hash >>> 0
}

const OFFSET = 0x811c9dc5
const PRIME = 0x01000193
