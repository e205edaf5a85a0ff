import type { Calendar } from './calendar.ts'

/**
 * The replicated state of Weir: a G-Counter for every slice of time.
 *
 * Time is cut into slices of `sliceMs`; a ring holds what one actor admitted in each of the last
 * `slices` of them. Only that actor ever adds to its ring; everybody else raises their copy to what they
 * hear. A count is therefore an absolute fact ("actor a admitted 7 in slice j"), merge is the pointwise
 * maximum, and old slices fall off the end by themselves: no tombstones, no debt older than the ring.
 *
 * A ring is `1 + slices` words of flat memory, so that a million of them are one allocation, and may lie
 * beside other columns of the same row:
 *
 *     [ head slice, modulo 2^32 | count of slice j at position j mod slices ... ]
 *
 * Live entries of a ring are the slices in `(head - slices, head]`, and the entry at the head is never 0:
 * only a count moves the head. An all-zero ring is empty.
 *
 * Slices are given as full numbers, never modulo 2^32: the position depends on all of them. A ring is
 * emptied long before its head is 2^31 slices old (3.4 years at the shortest slice).
 */

/** How time is cut. Slice `j` covers `[j·sliceMs, (j+1)·sliceMs)` of milliseconds since 1970, or unit `j` of a calendar. */
export interface Slicing {
  /** Of a calendar a number that stands for it on the wire. */
  readonly sliceMs: number
  /** How many slices a ring keeps. */
  readonly slices: number
  readonly calendar?: Calendar
}

export function sliceAt(slicing: Slicing, atMs: number): number {
  const { calendar } = slicing
  return calendar === undefined ? Math.floor(atMs / slicing.sliceMs) : calendar.at(atMs).index
}

/** The oldest slice a ring still keeps when `slice` is the newest. */
export function oldestLive(slicing: Slicing, slice: number): number {
  return slice - slicing.slices + 1
}

/**
 * Where in a ring a slice has its place: its number modulo `slices`. Slice numbers are beyond 32 bits, where the
 * operator `%` is a call into the C library; whole numbers below 2^53 divide exactly enough for this.
 */
export function positionOf({ slices }: Slicing, slice: number): number {
  return slice - Math.floor(slice / slices) * slices
}

const FALLEN_OFF = -1

/** The largest count an entry can hold. */
export const COUNT_MAX = 0xffff_ffff

/** Words that a ring takes. */
export function ringWords(slicing: Slicing): number {
  return 1 + slicing.slices
}

/** A column of a table in flat memory: that of row `r` starts at word `offset + r·stride`. */
export interface Column {
  readonly words: Uint32Array
  readonly offset: number
  readonly stride: number
}

/** A slab of rings, addressed by number. Every operation is O(1) but for the slices it skips. */
export class SlicedCounters {
  readonly slicing: Slicing
  readonly #words: Uint32Array
  readonly #offset: number
  readonly #stride: number

  /** So many rings in memory of their own, or rings in given memory. */
  constructor(slicing: Slicing, where: number | Column) {
    const memory = typeof where === 'number' ? ownMemory(slicing, where) : where
    this.slicing = slicing
    this.#words = memory.words
    this.#offset = memory.offset
    this.#stride = memory.stride
  }

  /** What the ring holds for `slice`; 0 when that slice is not live in it. */
  count(ring: number, slice: number): number {
    if (slice < 0) return 0
    const base = this.#base(ring)
    const age = ((this.#words[base] as number) - slice) | 0
    if (age < 0 || age >= this.slicing.slices) return 0
    return this.#words[base + 1 + positionOf(this.slicing, slice)] as number
  }

  /** What the rings hold together for `slice`. */
  sum(rings: readonly number[], slice: number): number {
    if (slice < 0) return 0
    const { slices } = this.slicing
    const position = 1 + positionOf(this.slicing, slice)
    let sum = 0
    for (const ring of rings) {
      const base = this.#base(ring)
      const age = ((this.#words[base] as number) - slice) | 0
      if (age >= 0 && age < slices) sum += this.#words[base + position] as number
    }
    return sum
  }

  /**
   * The writing actor admits `amount` more in `slice`; returns by how much its count rose. A slice that has
   * already fallen off is left alone (its clock stood still for a whole ring), and so is a full count.
   */
  add(ring: number, slice: number, amount: number): number {
    if (slice < 0 || amount <= 0) return 0
    const at = this.#open(ring, slice)
    return at === FALLEN_OFF ? 0 : this.#raiseTo(at, (this.#words[at] as number) + amount)
  }

  /**
   * Merge one entry: the count becomes the maximum of what is held and what is heard. Returns by how much
   * it rose; 0 for old news, and for a slice that has fallen off.
   */
  raise(ring: number, slice: number, count: number): number {
    if (slice < 0 || count <= 0) return 0
    const at = this.#open(ring, slice)
    return at === FALLEN_OFF ? 0 : this.#raiseTo(at, count)
  }

  /** Whether any slice not older than `oldest` holds a count. */
  isLive(ring: number, oldest: number): boolean {
    const newest = this.newest(ring, oldest + this.slicing.slices - 1)
    return newest >= oldest && this.count(ring, newest) > 0
  }

  /**
   * The newest slice the ring holds a count for, as the full slice number nearest to `around`. Of an empty
   * ring it is some multiple of 2^32.
   */
  newest(ring: number, around: number): number {
    return around + (((this.#words[this.#base(ring)] as number) - around) | 0)
  }

  clear(ring: number): void {
    const base = this.#base(ring)
    this.#words.fill(0, base, base + ringWords(this.slicing))
  }

  #base(ring: number): number {
    return this.#offset + ring * this.#stride
  }

  /** The word of a slice that is about to hold a count, or FALLEN_OFF. */
  #open(ring: number, slice: number): number {
    const base = this.#base(ring)
    const ahead = (slice - (this.#words[base] as number)) | 0
    const isKept = ahead === 0 || this.#makePlace(base, slice, ahead)
    return isKept ? base + 1 + positionOf(this.slicing, slice) : FALLEN_OFF
  }

  #makePlace(base: number, slice: number, ahead: number): boolean {
    if (ahead > 0) this.#advance(base, slice, ahead)
    else if (this.#isBlank(base)) this.#words[base] = slice
    else if (ahead <= -this.slicing.slices) return false
    return true
  }

  #raiseTo(at: number, count: number): number {
    const most = Math.min(count, COUNT_MAX)
    const rise = most - (this.#words[at] as number)
    if (rise <= 0) return 0
    this.#words[at] = most
    return rise
  }

  /** Invariant: the positions of slices in `(old head, new head]` are zero before they are used. */
  #advance(base: number, slice: number, ahead: number): void {
    const { slices } = this.slicing
    if (ahead >= slices) this.#words.fill(0, base + 1, base + 1 + slices)
    else {
      for (let skipped = slice - ahead + 1; skipped <= slice; skipped++) {
        this.#words[base + 1 + positionOf(this.slicing, skipped)] = 0
      }
    }
    this.#words[base] = slice
  }

  #isBlank(base: number): boolean {
    for (let word = base; word < base + ringWords(this.slicing); word++) {
      if (this.#words[word] !== 0) return false
    }
    return true
  }
}

function ownMemory(slicing: Slicing, rings: number): Column {
  const stride = ringWords(slicing)
  return { words: new Uint32Array(rings * stride), offset: 0, stride }
}
