/**
 * The memory of one rule: rows in flat typed arrays behind an open-addressing index, sized once to the
 * ceiling, so that nothing is allocated per key and no growth ever stalls a decision. (The operating
 * system hands out the pages as rows are first used.)
 *
 * A key is a chain of rows: the first stands for the key and for the first actor heard of; each further
 * actor that admitted for this key has a row of its own behind it.
 *
 *     ids     hash high, hash low, actor, next row + 1        4 words a row
 *     index   row + 1 of a key, by linear probing             2..4 words a key
 *
 * What else belongs to a row (its bucket, its rings) lives in slabs of the same numbering elsewhere.
 */
export const NO_ROW = -1

const HI = 0
const LO = 1
const ACTOR = 2
const NEXT = 3
const STRIDE = 4

/** Marks of a row, one bit each. `KEY` is set on the first row of a key. */
export const KEY = 1
export const ACTING = 2
export const DIRTY = 4
const IN_USE = 8

export class KeyTable {
  readonly rowsMax: number
  readonly #ids: Uint32Array
  readonly #marks: Uint8Array
  readonly #index: Uint32Array
  readonly #mask: number
  #keys = 0
  /** Rows from here on were never used. */
  #fresh = 0
  /** Head of the list of rows given back, linked through their next words. */
  #free = 0

  constructor(rowsMax: number) {
    this.rowsMax = rowsMax
    this.#ids = new Uint32Array(rowsMax * STRIDE)
    this.#marks = new Uint8Array(rowsMax)
    this.#index = new Uint32Array(powerOfTwoFrom(rowsMax * 2))
    this.#mask = this.#index.length - 1
  }

  /** Keys held at present. */
  get keys(): number {
    return this.#keys
  }

  /** Rows below this number may be in use; what a sweep has to visit. */
  get rowsSeen(): number {
    return this.#fresh
  }

  find(hi: number, lo: number): number {
    const ids = this.#ids
    for (let slot = lo & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const row = (this.#index[slot] as number) - 1
      if (row === NO_ROW) return NO_ROW
      if (ids[row * STRIDE + LO] === lo && ids[row * STRIDE + HI] === hi) return row
    }
  }

  /** A new key, not in the table yet. NO_ROW when every row is taken. */
  insert(hi: number, lo: number, actor: number): number {
    const row = this.#take(hi, lo, actor)
    if (row === NO_ROW) return NO_ROW
    this.#marks[row] = IN_USE | KEY
    let slot = lo & this.#mask
    while (this.#index[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#index[slot] = row + 1
    this.#keys += 1
    return row
  }

  /** The row of `actor` in the chain of a key. */
  rowOf(key: number, actor: number): number {
    for (let row = key; row !== NO_ROW; row = this.next(row)) {
      if (this.#ids[row * STRIDE + ACTOR] === actor) return row
    }
    return NO_ROW
  }

  /** Adds a row for an actor new to this key. NO_ROW when every row is taken. */
  chain(key: number, actor: number): number {
    const row = this.#take(this.hi(key), this.lo(key), actor)
    if (row === NO_ROW) return NO_ROW
    this.#marks[row] = IN_USE
    this.#ids[row * STRIDE + NEXT] = this.#ids[key * STRIDE + NEXT] as number
    this.#ids[key * STRIDE + NEXT] = row + 1
    return row
  }

  /** Takes the row after `row` out of its chain. */
  unchainAfter(row: number): void {
    const gone = this.next(row)
    this.#ids[row * STRIDE + NEXT] = this.#ids[gone * STRIDE + NEXT] as number
    this.#giveBack(gone)
  }

  /** Forgets a key. Its chained rows must have been taken out before. */
  remove(key: number): void {
    this.#unindex(key)
    this.#giveBack(key)
    this.#keys -= 1
  }

  next(row: number): number {
    return (this.#ids[row * STRIDE + NEXT] as number) - 1
  }

  hi(row: number): number {
    return this.#ids[row * STRIDE + HI] as number
  }

  lo(row: number): number {
    return this.#ids[row * STRIDE + LO] as number
  }

  actor(row: number): number {
    return this.#ids[row * STRIDE + ACTOR] as number
  }

  isMarked(row: number, mark: number): boolean {
    return ((this.#marks[row] as number) & mark) !== 0
  }

  mark(row: number, mark: number): void {
    this.#marks[row] = (this.#marks[row] as number) | mark
  }

  unmark(row: number, mark: number): void {
    this.#marks[row] = (this.#marks[row] as number) & ~mark
  }

  #take(hi: number, lo: number, actor: number): number {
    let row = this.#free - 1
    if (row !== NO_ROW) this.#free = this.#ids[row * STRIDE + NEXT] as number
    else if (this.#fresh < this.rowsMax) row = this.#fresh++
    else return NO_ROW
    const base = row * STRIDE
    this.#ids[base + HI] = hi
    this.#ids[base + LO] = lo
    this.#ids[base + ACTOR] = actor
    this.#ids[base + NEXT] = 0
    return row
  }

  #giveBack(row: number): void {
    this.#marks[row] = 0
    this.#ids[row * STRIDE + NEXT] = this.#free
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
