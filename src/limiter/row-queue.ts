/** Rows of a table, first in, first out, in flat memory that doubles when it is full and is given back when it is empty. */
export class RowQueue {
  #ring = new Int32Array(ROWS_MIN)
  #first = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(row: number): void {
    if (this.#size === this.#ring.length) this.#use(this.#ring.length * 2)
    this.#ring[(this.#first + this.#size) & (this.#ring.length - 1)] = row
    this.#size += 1
  }

  /** Takes the oldest. There must be one. */
  shift(): number {
    const row = this.#ring[this.#first] as number
    this.#first = (this.#first + 1) & (this.#ring.length - 1)
    this.#size -= 1
    if (this.#size === 0 && this.#ring.length > ROWS_MIN) this.#use(ROWS_MIN)
    return row
  }

  /** From the oldest to the newest. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let at = 0; at < this.#size; at++) yield this.#at(at)
  }

  #at(place: number): number {
    return this.#ring[(this.#first + place) & (this.#ring.length - 1)] as number
  }

  #use(rows: number): void {
    const ring = new Int32Array(rows)
    for (let at = 0; at < this.#size; at++) ring[at] = this.#at(at)
    this.#ring = ring
    this.#first = 0
  }
}

/** Rows that a queue has room for at first; a power of two. */
const ROWS_MIN = 1_024
