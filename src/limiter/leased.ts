import type { Buckets, Limit } from './algorithms/reckoning.ts'

interface Pool {
  tokens: number
  readonly untilMs: number
}

/** The memory of keys whose tokens are leased. */
interface Leasing extends Buckets {
  readonly limits: readonly Limit[]
}

/** Keys of one rule that are leased at a time; above it no other key is. */
export const LEASED_KEYS_MAX = 1_024
/** Leases that end within the same so many milliseconds are one. */
const QUANTUM_MS = 10

/** The last millisecond of leases that are over by then. */
export function lastBefore(endMs: number): number {
  return Math.floor(endMs / QUANTUM_MS) * QUANTUM_MS - 1
}

/**
 * What a decider has leased to other nodes, by key, until it lapses. It cannot know when such a token is given out:
 * until then it may be at any moment.
 */
export class Leased {
  readonly #pools = new Map<number, Pool[]>()

  get keys(): number {
    return this.#pools.size
  }

  /** Tokens of a key that may still be given out, or have been since they were leased. */
  tokens(key: number): number {
    let tokens = 0
    for (const pool of this.#pools.get(key) ?? NONE) tokens += pool.tokens
    return tokens
  }

  /** Whether there is a place for a lease of this key. */
  hasRoom(key: number): boolean {
    return this.#pools.size < LEASED_KEYS_MAX || this.#pools.has(key)
  }

  /** The tokens may be given out up to and in `lastMs`. */
  add(key: number, tokens: number, lastMs: number): void {
    const untilMs = (Math.floor(lastMs / QUANTUM_MS) + 1) * QUANTUM_MS
    const pools = this.#pools.get(key)
    if (pools === undefined) this.#pools.set(key, [{ tokens, untilMs }])
    else {
      const same = pools.find((pool) => pool.untilMs === untilMs)
      if (same === undefined) pools.push({ tokens, untilMs })
      else same.tokens += tokens
      pools.sort((one, other) => one.untilMs - other.untilMs)
    }
  }

  /**
   * What is leased of a bucket that drains is in use beside it, and does not drain: see `leasing.ts`. Of windows it is
   * in the bucket.
   */
  units(store: Leasing, key: number, limit: number, nowMs: number): number {
    if (this.#pools.size === 0) return 0
    this.lapse(store, key, nowMs)
    const { drainPerMs, tokenUnits } = store.limits[limit] as Limit
    return drainPerMs > 0 ? this.tokens(key) * tokenUnits : 0
  }

  /** What the bucket has to hold so that so much is in use. Never is less in use than is leased, whatever is given back. */
  besides(store: Leasing, key: number, limit: number, level: number, nowMs: number): number {
    if (this.#pools.size === 0) return level
    this.lapse(store, key, nowMs)
    const { drainPerMs, tokenUnits } = store.limits[limit] as Limit
    const leased = this.tokens(key) * tokenUnits
    return drainPerMs > 0 ? Math.max(0, level - leased) : Math.max(leased, level)
  }

  /** Leases that are over are in the bucket, from their end on. */
  lapse(store: Leasing, key: number, nowMs: number): void {
    for (const { tokens, untilMs } of this.#takeLapsed(key, nowMs)) {
      intoBuckets(store, key, tokens, untilMs)
    }
  }

  /**
   * Milliseconds until so many of the units in use are free, at most: those in the bucket drain first, and should it
   * be empty before the last lease is over, the others only then.
   */
  freeInMs(store: Leasing, key: number, limit: number, units: number, nowMs: number): number {
    const by = store.limits[limit] as Limit
    const inBucket = by.reckoning.level(by, store, key, limit, nowMs)
    const last = this.#pools.get(key)?.at(-1)
    if (units <= inBucket || last === undefined) {
      return by.reckoning.freeInMs(by, store, key, limit, units, nowMs)
    }
    const restMs = last.untilMs - nowMs
    const freed = Math.min(inBucket, by.drainPerMs * restMs)
    return restMs + Math.ceil((units - freed) / by.drainPerMs)
  }

  /** What of the key has lapsed by now, the oldest first; it is not leased any more. */
  #takeLapsed(key: number, nowMs: number): readonly Readonly<Pool>[] {
    const pools = this.#pools.get(key)
    if (pools === undefined || (pools[0] as Pool).untilMs > nowMs) return NONE
    const lapsed = pools.filter(({ untilMs }) => untilMs <= nowMs)
    const left = pools.slice(lapsed.length)
    if (left.length === 0) this.#pools.delete(key)
    else this.#pools.set(key, left)
    return lapsed
  }

  /** Lets go of whatever has lapsed; there are at most `LEASED_KEYS_MAX` keys. */
  sweep(store: Leasing, nowMs: number): void {
    for (const key of this.#pools.keys()) this.lapse(store, key, nowMs)
  }

  /** All leases of the key are taken for over now: by other limits nobody leased anything. */
  end(store: Leasing, key: number, nowMs: number): void {
    this.lapse(store, key, nowMs)
    const tokens = this.tokens(key)
    this.#pools.delete(key)
    if (tokens > 0) intoBuckets(store, key, tokens, nowMs)
  }

  forget(key: number): void {
    this.#pools.delete(key)
  }
}

/** From then on what was leased is in the buckets, and drains like the rest. */
function intoBuckets(store: Leasing, key: number, tokens: number, atMs: number): void {
  for (const [index, by] of store.limits.entries()) {
    if (by.drainPerMs === 0) continue
    const level = by.reckoning.level(by, store, key, index, atMs) + tokens * by.tokenUnits
    by.reckoning.put(by, store, key, index, level, atMs)
  }
}

const NONE: readonly Pool[] = []
