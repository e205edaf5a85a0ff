/**
 * The memory of one rule: rows in flat typed arrays behind an open-addressing index, sized once to the
 * ceiling, so that nothing is allocated per key and no growth ever stalls a decision. (The operating
 * system hands out the pages as rows are first used.)
 *
 * A key is a chain of rows: the first stands for the key and for the first actor heard of; each further
 * actor that admitted for this key has a row of its own behind it.
 *
 *     row     hash high, hash low, next row + 1, marks and actor  4 words, and whatever lies behind them
 *     index   row + 1 of a key, by linear probing                 2 to 4 words a key
 *
 * Rows may be longer than the table needs: what else belongs to a row (its bucket, its rings) lies behind,
 * because a decision that touches one cache line of a row soon touches the next.
 */
export const NO_ROW = -1

const HI = 0
const LO = 1
const NEXT = 2
const MARKS = 3
/** Words at the start of a row that are the table's; even, because doubles may follow. */
export const TABLE_WORDS = 4

/** In the word of the marks: the number of the row's actor, which is below `ACTORS_MAX`. */
const ACTOR = 0xffff
/** Marks of a row, one bit each. `KEY` is set on the first row of a key. */
export const KEY = 0x1_0000
export const ACTING = 0x2_0000
export const DIRTY = 0x4_0000
/** The key's level holds more than was admitted: some checks weighed more than they cost. */
export const SURCHARGED = 0x8_0000
/** Of a row: what it counts was given back. */
export const CREDIT = 0x10_0000
/** The row has its place in the list of what is unsent, and keeps it whatever key it is given to. */
export const LISTED = 0x20_0000

export class KeyTable {
  readonly rowsMax: number
  readonly #words: Uint32Array
  readonly #stride: number
  readonly #index: Uint32Array
  readonly #mask: number
  #keys = 0
  #rows = 0
  /** Rows from here on were never used. */
  #fresh = 0
  /** Head of the list of rows given back, linked through their next words. */
  #free = 0

  /** Rows of `stride` words each in `words`; by default in memory of its own. */
  constructor(
    rowsMax: number,
    words: Uint32Array = new Uint32Array(rowsMax * TABLE_WORDS),
    stride = TABLE_WORDS,
  ) {
    this.rowsMax = rowsMax
    this.#words = words
    this.#stride = stride
    this.#index = new Uint32Array(powerOfTwoFrom(rowsMax * 2))
    this.#mask = this.#index.length - 1
  }

  /** Keys held at present. */
  get keys(): number {
    return this.#keys
  }

  /** Rows in use: a key has one for each actor that is heard of. */
  get rows(): number {
    return this.#rows
  }

  /** Rows below this number may be in use; what a sweep has to visit. */
  get rowsSeen(): number {
    return this.#fresh
  }

  find(hi: number, lo: number): number {
    const words = this.#words
    const stride = this.#stride
    for (let slot = lo & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const row = (this.#index[slot] as number) - 1
      if (row === NO_ROW) return NO_ROW
      if (words[row * stride + LO] === lo && words[row * stride + HI] === hi) return row
    }
  }

  /** A new key, not in the table yet. NO_ROW when every row is taken. */
  insert(hi: number, lo: number, actor: number): number {
    const row = this.#take(hi, lo, actor)
    if (row === NO_ROW) return NO_ROW
    this.mark(row, KEY)
    let slot = lo & this.#mask
    while (this.#index[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#index[slot] = row + 1
    this.#keys += 1
    return row
  }

  /** The row of `actor` in the chain of a key. */
  rowOf(key: number, actor: number): number {
    for (let row = key; row !== NO_ROW; row = this.next(row)) {
      if (this.actor(row) === actor) return row
    }
    return NO_ROW
  }

  /** Adds a row for an actor new to this key. NO_ROW when every row is taken. */
  chain(key: number, actor: number): number {
    const row = this.#take(this.hi(key), this.lo(key), actor)
    if (row === NO_ROW) return NO_ROW
    this.#words[row * this.#stride + NEXT] = this.#words[key * this.#stride + NEXT] as number
    this.#words[key * this.#stride + NEXT] = row + 1
    return row
  }

  /** Takes the row after `row` out of its chain. */
  unchainAfter(row: number): void {
    const gone = this.next(row)
    this.#words[row * this.#stride + NEXT] = this.#words[gone * this.#stride + NEXT] as number
    this.#giveBack(gone)
  }

  /** Forgets a key. Its chained rows must have been taken out before. */
  remove(key: number): void {
    this.#unindex(key)
    this.#giveBack(key)
    this.#keys -= 1
  }

  next(row: number): number {
    return (this.#words[row * this.#stride + NEXT] as number) - 1
  }

  hi(row: number): number {
    return this.#words[row * this.#stride + HI] as number
  }

  lo(row: number): number {
    return this.#words[row * this.#stride + LO] as number
  }

  actor(row: number): number {
    return (this.#words[row * this.#stride + MARKS] as number) & ACTOR
  }

  isMarked(row: number, mark: number): boolean {
    return ((this.#words[row * this.#stride + MARKS] as number) & mark) !== 0
  }

  mark(row: number, mark: number): void {
    const at = row * this.#stride + MARKS
    this.#words[at] = (this.#words[at] as number) | mark
  }

  unmark(row: number, mark: number): void {
    const at = row * this.#stride + MARKS
    this.#words[at] = (this.#words[at] as number) & ~mark
  }

  #take(hi: number, lo: number, actor: number): number {
    let row = this.#free - 1
    if (row !== NO_ROW) this.#free = this.#words[row * this.#stride + NEXT] as number
    else if (this.#fresh < this.rowsMax) row = this.#fresh++
    else return NO_ROW
    this.#rows += 1
    const base = row * this.#stride
    this.#words[base + HI] = hi
    this.#words[base + LO] = lo
    this.#words[base + NEXT] = 0
    this.#words[base + MARKS] = actor | ((this.#words[base + MARKS] as number) & LISTED)
    return row
  }

  #giveBack(row: number): void {
    this.#rows -= 1
    const at = row * this.#stride
    this.#words[at + MARKS] = (this.#words[at + MARKS] as number) & LISTED
    this.#words[at + NEXT] = this.#free
    this.#free = row + 1
  }

  /** Backward-shift deletion (Knuth, TAOCP 6.4, algorithm R): no tombstones, probes stay short. */
  #unindex(key: number): void {
    const index = this.#index
    const mask = this.#mask
    let hole = this.lo(key) & mask
    while (index[hole] !== key + 1) hole = (hole + 1) & mask
    for (let slot = (hole + 1) & mask; index[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.lo((index[slot] as number) - 1) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      index[hole] = index[slot] as number
      hole = slot
    }
    index[hole] = 0
  }
}

function powerOfTwoFrom(least: number): number {
  let power = 1
  while (power < least) power *= 2
  return power
}
