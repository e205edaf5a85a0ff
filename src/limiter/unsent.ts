import type { Column } from '../../crdt/sliced-counter.ts'
import { DIRTY, type KeyTable } from './key-table.ts'

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
  /** Unsent tokens of one key that ask for an early flush. */
  readonly #flushTokens: number
  #keys: number[] = []
  /** Of `#keys`, how many have been taken. */
  #taken = 0
  #flushWanted = false

  /** One word of each of the table's rows is for the tokens: that at `offset` in `words`. */
  constructor(table: KeyTable, where: Column, flushTokens: number) {
    this.#table = table
    this.#words = where.words
    this.#offset = where.offset
    this.#stride = where.stride
    this.#flushTokens = flushTokens
  }

  get flushWanted(): boolean {
    return this.#flushWanted
  }

  add(key: number, tokens: number): void {
    const at = this.#offset + key * this.#stride
    if (!this.#table.isMarked(key, DIRTY)) {
      this.#table.mark(key, DIRTY)
      this.#keys.push(key)
      this.#words[at] = 0
    }
    const unsent = (this.#words[at] as number) + tokens
    this.#words[at] = unsent
    if (unsent > this.#flushTokens) this.#flushWanted = true
  }

  /** Keys still to be taken; some of them may have been forgotten meanwhile. */
  get size(): number {
    return this.#keys.length - this.#taken
  }

  /** Takes the oldest keys with something unsent, at most so many. A key forgotten meanwhile is not among them. */
  take(most: number): number[] {
    const keys: number[] = []
    const end = Math.min(this.#keys.length, this.#taken + most)
    for (; this.#taken < end; this.#taken++) {
      const key = this.#keys[this.#taken] as number
      if (!this.#table.isMarked(key, DIRTY)) continue
      this.#table.unmark(key, DIRTY)
      keys.push(key)
    }
    this.#compact()
    return keys
  }

  /** Lets go of the taken part once it is the larger one, so that taking stays cheap whatever waits behind. */
  #compact(): void {
    if (this.#taken * 2 < this.#keys.length) return
    this.#keys = this.#keys.slice(this.#taken)
    this.#taken = 0
    if (this.#keys.length === 0) this.#flushWanted = false
  }
}
