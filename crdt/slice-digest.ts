import { positionOf, type Slicing } from './sliced-counter.ts'

/**
 * A running digest of a slab of sliced counters, so that two replicas can tell where they differ without
 * reading a table: per slice and bucket, the sum over all entries of
 *
 *     mix(key, actor, slice) · count        modulo 2^32
 *
 * Being linear it is incremental: a count that rises by n adds n times its entry's mix, in O(1). A slice
 * that falls off the ring takes its buckets with it.
 */
export const BUCKETS = 256

/** The digest of slices in which nothing was admitted. One for all, and never written to. */
export const NOTHING_ADMITTED = new Uint32Array(BUCKETS)

export class SliceDigest {
  readonly #slicing: Slicing
  /** Which slice each position stands for at present. */
  readonly #slice: Float64Array
  readonly #buckets: Uint32Array

  constructor(slicing: Slicing) {
    this.#slicing = slicing
    this.#slice = new Float64Array(slicing.slices).fill(-1)
    this.#buckets = new Uint32Array(slicing.slices * BUCKETS)
  }

  /** The count of (key hash, actor, slice) changed by so much. */
  add(hashHi: number, hashLo: number, actorTag: number, slice: number, change: number): void {
    const at = this.#open(slice)
    if (at < 0) return
    const bucket = at * BUCKETS + bucketOf(hashHi)
    const difference = Math.imul(mix(hashHi, hashLo, actorTag, slice), change)
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + difference
  }

  /** The digest of slices `[from, to]`, per bucket. Not to be written to. */
  between(from: number, to: number): Uint32Array {
    let digest = NOTHING_ADMITTED
    for (let at = 0; at < this.#slicing.slices; at++) {
      const slice = this.#slice[at] as number
      if (slice < from || slice > to) continue
      if (digest === NOTHING_ADMITTED) digest = new Uint32Array(BUCKETS)
      const base = at * BUCKETS
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        digest[bucket] = (digest[bucket] as number) + (this.#buckets[base + bucket] as number)
      }
    }
    return digest
  }

  /** The position of `slice`, made its own if it is newer than the one there; -1 if it has fallen off. */
  #open(slice: number): number {
    const at = positionOf(this.#slicing, slice)
    const present = this.#slice[at] as number
    if (present === slice) return at
    if (present > slice) return -1
    this.#empty(at, slice)
    return at
  }

  #empty(at: number, slice: number): void {
    this.#slice[at] = slice
    this.#buckets.fill(0, at * BUCKETS, (at + 1) * BUCKETS)
  }
}

/** Which bucket a key is compared in. */
export function bucketOf(hashHi: number): number {
  return hashHi & (BUCKETS - 1)
}

/** 32 bits of all four words, in the manner of MurmurHash3's finaliser; odd, so that no count times it is 0. */
export function mix(hashHi: number, hashLo: number, actorTag: number, slice: number): number {
  let hash = Math.imul(hashHi ^ actorTag, 0x9e3779b1) ^ hashLo
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ slice
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash | 1
}
