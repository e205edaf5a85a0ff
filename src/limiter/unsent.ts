import { DIRTY, type KeyTable } from './key-table.ts'

/**
 * Which keys have admissions that the other replicas have not been sent, and how many tokens of each.
 *
 * A key with much unsent asks for an early flush: what a crash can lose of it stays below that share of
 * its burst.
 */
export class Unsent {
  readonly #table: KeyTable
  readonly #tokens: Uint32Array
  /** Unsent tokens of one key that ask for an early flush. */
  readonly #flushTokens: number
  #keys: number[] = []
  #flushWanted = false

  constructor(table: KeyTable, flushTokens: number) {
    this.#table = table
    this.#tokens = new Uint32Array(table.rowsMax)
    this.#flushTokens = flushTokens
  }

  get flushWanted(): boolean {
    return this.#flushWanted
  }

  add(key: number, tokens: number): void {
    if (!this.#table.isMarked(key, DIRTY)) {
      this.#table.mark(key, DIRTY)
      this.#keys.push(key)
      this.#tokens[key] = 0
    }
    const unsent = (this.#tokens[key] as number) + tokens
    this.#tokens[key] = unsent
    if (unsent > this.#flushTokens) this.#flushWanted = true
  }

  /** Takes all keys with something unsent. A key forgotten meanwhile is not among them. */
  take(): number[] {
    const keys = this.#keys.filter((key) => this.#table.isMarked(key, DIRTY))
    for (const key of keys) this.#table.unmark(key, DIRTY)
    this.#keys = []
    this.#flushWanted = false
    return [...new Set(keys)]
  }
}
