import type { Counts, CountsBlock, MergeResult } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { oldestLive, type SlicedCounters, sliceAt } from '../../crdt/sliced-counter.ts'
import type { ActorTable } from './actor-table.ts'
import { givenBack } from './credit.ts'
import type { KeyStore } from './key-store.ts'
import { ACTING, CREDIT, NO_ROW } from './key-table.ts'
import { before, lift, lower } from './late-counts.ts'
import type { Limit } from './limit.ts'

/** Told of each key of which something was given back elsewhere. */
export type OnCredit = (rule: string, hashHi: number, hashLo: number) => void

/**
 * Merges counts heard from a peer into the stores of their rules. Everything a peer could get wrong is
 * looked at before it touches state, entry by entry; what is refused is counted (invariant 23).
 */
export class CountsReader {
  readonly #actors: ActorTable
  readonly #storeOf: (rule: string) => KeyStore | undefined
  /** Entries further ahead of this node's clock than this are refused. */
  readonly #aheadMsMax: number
  readonly #onCredit: OnCredit
  #result: Result = nothingYet()

  constructor(
    actors: ActorTable,
    storeOf: (rule: string) => KeyStore | undefined,
    aheadMsMax: number,
    onCredit: OnCredit,
  ) {
    this.#actors = actors
    this.#storeOf = storeOf
    this.#aheadMsMax = aheadMsMax
    this.#onCredit = onCredit
  }

  /** With an `author`, only the author's own actors may be written. */
  merge(counts: Counts, author: NodeId | undefined, nowMs: number): MergeResult {
    this.#result = nothingYet()
    const numbers = this.#holdActors(counts, author)
    for (const block of counts.blocks) this.#mergeBlock(block, numbers, nowMs)
    for (const number of numbers) if (number >= 0) this.#actors.release(number)
    return this.#result
  }

  /** Own numbers of the message's actors, held for as long as it is read; negative for those not wanted. */
  #holdActors(counts: Counts, author: NodeId | undefined): number[] {
    const self = this.#actors.self
    return counts.actors.map((actor) => {
      if (author !== undefined && actor.node !== author) return FORGED
      // Counts of this life are this node's alone to write; those of an earlier life are welcome news.
      if (actor.node === self.node && actor.incarnation === self.incarnation) return OWN
      const number = this.#actors.number(actor)
      if (number === undefined) return UNKEPT
      this.#actors.acquire(number)
      return number
    })
  }

  #mergeBlock(block: CountsBlock, numbers: readonly number[], nowMs: number): void {
    const store = this.#storeOf(block.rule)
    const known =
      store !== undefined &&
      store.limits.length === block.sliceMs.length &&
      store.limits.every((limit, index) => limit.sliceMs === block.sliceMs[index])
    const limits = block.sliceMs.length
    for (let at = 0; at < block.entries.length; ) {
      const end = endOfEntry(block.entries, at, limits)
      if (known) this.#mergeEntry(store, block, at, numbers, nowMs)
      else this.#result.foreign += 1
      at = end
    }
  }

  #mergeEntry(
    store: KeyStore,
    block: CountsBlock,
    at: number,
    numbers: readonly number[],
    nowMs: number,
  ): void {
    const { entries } = block
    const actor = numbers[entries[at + 2] as number] ?? FORGED
    if (actor === OWN) return
    if (actor === FORGED) this.#result.violations += 1
    else if (actor === UNKEPT) this.#result.foreign += 1
    else if (this.#isPlausible(store, block, at, this.#actors.isCredit(actor), nowMs)) {
      const key = store.reopen(entries[at] as number, entries[at + 1] as number, actor)
      const row = key === NO_ROW ? NO_ROW : store.reopenActor(key, actor)
      if (row === NO_ROW) this.#result.foreign += 1
      else this.#raise(store, key, row, block, at, nowMs)
    }
  }

  /**
   * Whether an entry has anything live to say and says nothing impossible: no honest count of a slice is above
   * the limit's `countMax`, but for what was given back of the same slice and admitted anew. (What is given back
   * of earlier slices was in use when this one began.)
   */
  #isPlausible(
    store: KeyStore,
    block: CountsBlock,
    at: number,
    isCredit: boolean,
    nowMs: number,
  ): boolean {
    const { entries } = block
    let cursor = at + 3
    let live = false
    for (let index = 0; index < store.limits.length; index++) {
      const limit = store.limits[index] as Limit
      const first = (block.base[index] as number) + (entries[cursor] as number)
      const last = first + (entries[cursor + 1] as number) - 1
      if (last > sliceAt(limit, nowMs + this.#aheadMsMax)) {
        this.#result.future += 1
        this.#result.futureMs = Math.max(this.#result.futureMs ?? 0, (last + 1) * limit.sliceMs)
        return false
      }
      const end = cursor + 2 + (entries[cursor + 1] as number)
      for (let position = cursor + 2; position < end; position++) {
        const count = entries[position] as number
        if (isCredit || count <= limit.countMax) continue
        const slice = first + position - cursor - 2
        if (count > limit.countMax + creditOf(store, index, slice, entries, at)) {
          this.#result.violations += 1
          return false
        }
      }
      if (last >= oldestLive(limit, sliceAt(limit, nowMs)) && last >= first) live = true
      cursor = end
    }
    if (!live) this.#result.expired += 1
    return live
  }

  /** Late counts raise the acting owner's bucket too. */
  #raise(
    store: KeyStore,
    key: number,
    row: number,
    block: CountsBlock,
    at: number,
    nowMs: number,
  ): void {
    const { entries } = block
    const acts = store.table.isMarked(key, ACTING)
    const isCredit = store.table.isMarked(row, CREDIT)
    let cursor = at + 3
    for (let index = 0; index < store.limits.length; index++) {
      const limit = store.limits[index] as Limit
      const oldest = oldestLive(limit, sliceAt(limit, nowMs))
      const first = (block.base[index] as number) + (entries[cursor] as number)
      const n = entries[cursor + 1] as number
      const start = cursor + 2
      cursor = start + n
      const skip = Math.max(0, oldest - first)
      if (!isNews(store, row, index, first + skip, entries, start + skip, cursor)) continue
      const was = acts ? before(store, key, index, nowMs) : undefined
      let tokens = 0
      for (let offset = skip; offset < n; offset++) {
        tokens += store.raise(row, index, first + offset, entries[start + offset] as number)
      }
      this.#result.raised += 1
      if (isCredit) this.#onCredit(block.rule, store.table.hi(key), store.table.lo(key))
      if (was === undefined) continue
      if (isCredit) lower(store, key, index, tokens, was, nowMs)
      else lift(store, key, index, tokens, was, nowMs)
    }
  }
}

type Result = { -readonly [Field in keyof MergeResult]: MergeResult[Field] }

function nothingYet(): Result {
  return { raised: 0, expired: 0, future: 0, foreign: 0, violations: 0 }
}

/** Whether any of these counts, of slices from `slice` on, is above what is held. */
function isNews(
  store: KeyStore,
  row: number,
  limit: number,
  slice: number,
  entries: readonly number[],
  from: number,
  to: number,
): boolean {
  const counters = store.counters[limit] as SlicedCounters
  for (let at = from; at < to; at++) {
    if ((entries[at] as number) > counters.count(row, slice + at - from)) return true
  }
  return false
}

/** Tokens of a slice of an entry's key that are known to have been given back. */
function creditOf(
  store: KeyStore,
  limit: number,
  slice: number,
  entries: readonly number[],
  at: number,
): number {
  const key = store.table.find(entries[at] as number, entries[at + 1] as number)
  return key === NO_ROW ? 0 : givenBack(store, key, limit, slice)
}

/** Stand-ins for the numbers of actors whose entries are not merged. */
const FORGED = -1
const UNKEPT = -2
const OWN = -3

/** Where the entry that starts at `at` ends. The wire has checked that it does. */
function endOfEntry(entries: readonly number[], at: number, limits: number): number {
  let cursor = at + 3
  for (let limit = 0; limit < limits; limit++) cursor += 2 + (entries[cursor + 1] as number)
  return cursor
}
