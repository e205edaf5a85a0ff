import { LEVEL_PARTS, type LevelsBlock } from '../../crdt/levels.ts'
import type { KeyStore } from './key-store.ts'
import { ACTING, KEY, NO_ROW } from './key-table.ts'
import type { Limit } from './limit.ts'

/** The levels of one rule's buckets on their way to the node that decides these keys from now on. */

interface OpenBlock extends LevelsBlock {
  readonly entries: number[]
}

/** No frame carries more: one such debt, of an enormous burst, would make its whole frame malformed. */
const LEVEL_MAX = Number.MAX_SAFE_INTEGER

/** Collects levels into messages of at most so many numbers and rules. */
export class LevelsWriter {
  readonly #numbersMax: number
  readonly #rulesMax: number
  readonly #nowMs: number
  readonly #done: LevelsBlock[][] = []
  #blocks: OpenBlock[] = []
  #written = 0

  constructor(numbersMax: number, rulesMax: number, nowMs: number) {
    this.#numbersMax = numbersMax
    this.#rulesMax = rulesMax
    this.#nowMs = nowMs
  }

  /** Adds the buckets of a key; a key that this node does not decide has none. */
  key(rule: string, store: KeyStore, key: number): void {
    if (!store.table.isMarked(key, KEY) || !store.table.isMarked(key, ACTING)) return
    const size = 2 + LEVEL_PARTS * store.limits.length
    const { entries } = this.#block(rule, store, size)
    entries.push(store.table.hi(key), store.table.lo(key))
    for (let limit = 0; limit < store.limits.length; limit++) {
      const level = store.level(key, limit, this.#nowMs)
      const folded = store.folded(key, limit, this.#nowMs)
      const ageMs = store.ageMs(key, limit, this.#nowMs)
      entries.push(Math.min(level, LEVEL_MAX), Math.min(folded, LEVEL_MAX), ageMs)
    }
    this.#written += size
  }

  finish(): LevelsBlock[][] {
    if (this.#blocks.length > 0) this.#seal()
    return this.#done
  }

  /** Keys come rule by rule: the block wanted is the last one, or a new one. */
  #block(rule: string, store: KeyStore, size: number): OpenBlock {
    const last = this.#blocks.at(-1)
    const isFull = this.#written + size > this.#numbersMax
    if (last?.rule === rule && !isFull) return last
    if (isFull || this.#blocks.length >= this.#rulesMax) this.#seal()
    const block: OpenBlock = { rule, meters: metersOf(store), entries: [] }
    this.#blocks.push(block)
    return block
  }

  #seal(): void {
    this.#done.push(this.#blocks)
    this.#blocks = []
    this.#written = 0
  }
}

/**
 * Takes over the buckets of the keys that `isOurs` now. Levels of a limit that is another one here mean
 * nothing and are left; so are those of a key without a row, for which there was no room.
 */
export function takeLevels(
  store: KeyStore,
  block: LevelsBlock,
  isOurs: (hashHi: number) => boolean,
  nowMs: number,
): void {
  const meters = metersOf(store)
  if (meters.length !== block.meters.length) return
  if (meters.some((part, at) => part !== block.meters[at])) return
  const { entries } = block
  for (let at = 0; at < entries.length; at += 2 + LEVEL_PARTS * store.limits.length) {
    const hi = entries[at] as number
    const row = isOurs(hi) ? store.table.find(hi, entries[at + 1] as number) : NO_ROW
    if (row !== NO_ROW) succeed(store, row, entries, at + 2, nowMs)
  }
}

function metersOf({ limits }: KeyStore): number[] {
  return limits.flatMap(({ tokenUnits, drainPerMs, capacityUnits }) => [
    tokenUnits,
    drainPerMs,
    capacityUnits,
  ])
}

/**
 * From now on this node decides the key, after another one whose levels, folds and ages are, limit by limit,
 * in `theirs` from `at` on. What only this node knows of raises its own fold above theirs, and the level with
 * it. The fold stays the most that the counts can mean.
 */
function succeed(
  store: KeyStore,
  key: number,
  theirs: readonly number[],
  at: number,
  nowMs: number,
): void {
  for (let limit = 0; limit < store.limits.length; limit++) {
    const level = theirs[at + 3 * limit] as number
    const theirFold = theirs[at + 3 * limit + 1] as number
    const ageMs = theirs[at + 3 * limit + 2] as number
    const unknownThere = Math.max(0, store.folded(key, limit, nowMs) - theirFold)
    const most = store.assumed(key, limit, nowMs)
    store.setLevel(key, limit, Math.min(most, level + unknownThere), nowMs)
    const { opensOnUse } = (store.limits[limit] as Limit).reckoning
    if (opensOnUse) store.setBucket(key, limit, store.bucketLevel(key, limit), nowMs - ageMs)
  }
  store.table.mark(key, ACTING)
}
