import type { Column } from '../../crdt/sliced-counter.ts'
import { DIRTY, type KeyTable } from './key-table.ts'
import { RowQueue } from './row-queue.ts'

/** Keys taken last that are remembered as in use. More take longer to hand over. */
const KEYS_TAKEN_KEPT = 1_024

/** Keys in the list of unsent ones for each row of the table, at most: some have been forgotten meanwhile. */
export const UNSENT_PER_ROW_MAX = 2

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
  #keys = new RowQueue()
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
    if (this.size >= UNSENT_PER_ROW_MAX * this.#table.rowsMax) this.#dropForgotten()
    this.#table.mark(key, DIRTY)
    this.#keys.push(key)
    this.#words[at] = 0
  }

  /** Keys still to be taken; some of them may have been forgotten meanwhile. */
  get size(): number {
    return this.#keys.size
  }

  /** Takes the oldest keys with something unsent, at most so many. A key forgotten meanwhile is not among them. */
  take(most: number): number[] {
    const keys: number[] = []
    for (let left = Math.min(this.size, most); left > 0; left--) {
      const key = this.#keys.shift()
      if (!this.#table.isMarked(key, DIRTY)) continue
      this.#table.unmark(key, DIRTY)
      keys.push(key)
      this.#lastTaken[this.#takenInAll++ % KEYS_TAKEN_KEPT] = key
    }
    if (this.size === 0) this.#flushWanted = false
    return keys
  }

  /** Keys in use: those with something unsent, and those taken last. Some may have been forgotten meanwhile. */
  inUse(): Set<number> {
    return new Set([...this.#lastTaken, ...this.#keys])
  }

  /**
   * A key that was forgotten stays in the list until its turn comes, and its row may be given to another, again
   * and again. Dropping them now and then keeps the list below `UNSENT_PER_ROW_MAX` times the rows, at a cost of
   * O(1) for each key added.
   */
  #dropForgotten(): void {
    const kept = new Set<number>()
    for (const key of this.#keys) if (this.#table.isMarked(key, DIRTY)) kept.add(key)
    this.#keys = new RowQueue(kept)
  }
}
