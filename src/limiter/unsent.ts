import type { Column } from '../../crdt/sliced-counter.ts'
import { DIRTY, type KeyTable, LISTED } from './key-table.ts'
import { RowQueue } from './row-queue.ts'

/** Keys taken last that are remembered as in use. More take longer to hand over. */
const KEYS_TAKEN_KEPT = 1_024

/**
 * Which keys have admissions that the other replicas have not been sent, and how many tokens of each.
 *
 * A key with much unsent asks for an early flush: used at a steady rate, it loses no more than that share of
 * its burst in a crash. (A burst in one instant is lost whole.)
 */
export class Unsent {
  readonly #table: KeyTable
  readonly #words: Uint32Array
  readonly #offset: number
  readonly #stride: number
  /** More than so many unsent tokens of one key ask for an early flush. */
  flushTokens: number
  /** Each row once: one whose key was forgotten stays in its place, for whatever key it is given to. */
  readonly #rows = new RowQueue()
  #flushWanted = false
  /** The keys taken last: a ring of at most `KEYS_TAKEN_KEPT`. */
  readonly #lastTaken: number[] = []
  #takenInAll = 0

  /** One word of each of the table's rows is for the tokens: that at `offset` in `words`. */
  constructor(table: KeyTable, where: Column, flushTokens: number) {
    this.#table = table
    this.#words = where.words
    this.#offset = where.offset
    this.#stride = where.stride
    this.flushTokens = flushTokens
  }

  get flushWanted(): boolean {
    return this.#flushWanted
  }

  add(key: number, tokens: number): void {
    const at = this.#offset + key * this.#stride
    if (!this.#table.isMarked(key, DIRTY)) this.#list(key, at)
    const unsent = (this.#words[at] as number) + tokens
    this.#words[at] = unsent
    if (unsent > this.flushTokens) this.#flushWanted = true
  }

  #list(key: number, at: number): void {
    if (!this.#table.isMarked(key, LISTED)) this.#rows.push(key)
    this.#table.mark(key, DIRTY | LISTED)
    this.#words[at] = 0
  }

  /** Keys still to be taken; some of them may have been forgotten meanwhile. */
  get size(): number {
    return this.#rows.size
  }

  /** Takes the oldest keys with something unsent, at most so many. A key forgotten meanwhile is not among them. */
  take(most: number): number[] {
    const keys: number[] = []
    for (let left = Math.min(this.size, most); left > 0; left--) {
      const key = this.#rows.shift()
      const isUnsent = this.#table.isMarked(key, DIRTY)
      this.#table.unmark(key, DIRTY | LISTED)
      if (!isUnsent) continue
      keys.push(key)
      this.#lastTaken[this.#takenInAll++ % KEYS_TAKEN_KEPT] = key
    }
    if (this.size === 0) this.#flushWanted = false
    return keys
  }

  /** Keys in use: those with something unsent, and those taken last. Some may have been forgotten meanwhile. */
  inUse(): Set<number> {
    return new Set([...this.#lastTaken, ...this.#rows])
  }
}
