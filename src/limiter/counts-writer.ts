import type { Counts, CountsBlock } from '../../crdt/counts.ts'
import type { Actor } from '../../crdt/node-id.ts'
import { oldestLive, type SlicedCounters, sliceAt } from '../../crdt/sliced-counter.ts'
import type { ActorTable } from './actor-table.ts'
import type { KeyStore } from './key-store.ts'
import type { Limit } from './limit.ts'

interface OpenBlock extends CountsBlock {
  readonly entries: number[]
}

/** What one counts message may hold. */
export interface CountsMessageMax {
  readonly numbersMax: number
  readonly actorsMax: number
  readonly rulesMax: number
}

/** Collects rows into counts messages within a maximum. Actors are numbered anew in each message. */
export class CountsWriter {
  readonly #actors: ActorTable
  readonly #max: CountsMessageMax
  readonly #nowMs: number
  readonly #done: Counts[] = []
  // Few, and the one wanted is most often the last: lists, not maps.
  #blocks: OpenBlock[] = []
  #named: Actor[] = []
  /** The actors named, by the numbers they have here. */
  #numbers: number[] = []
  #written = 0

  constructor(actors: ActorTable, max: CountsMessageMax, nowMs: number) {
    this.#actors = actors
    this.#max = max
    this.#nowMs = nowMs
  }

  /** Numbers written into the message in hand. */
  get written(): number {
    return this.#written
  }

  /** Adds one row's live counts from the slices of `sinceMs` on. A row with none is left out. */
  row(rule: string, store: KeyStore, row: number, sinceMs: number): void {
    const counts: number[] = []
    let hasAny = false
    for (let limit = 0; limit < store.limits.length; limit++) {
      if (this.#countsFrom(store, limit, row, sinceMs, counts)) hasAny = true
    }
    if (!hasAny) return
    const size = 3 + counts.length
    if (this.#isFull(rule, size)) this.#seal()
    const { entries } = this.#block(rule, store)
    entries.push(store.table.hi(row), store.table.lo(row), this.#number(row, store))
    for (const count of counts) entries.push(count)
    this.#written += size
  }

  finish(): Counts[] {
    if (this.#blocks.length > 0) this.#seal()
    return this.#done
  }

  /**
   * Adds `[offset, n, count × n]`, from the first to the last slice with a count; returns whether there is
   * any. A row must fit a message: of more slices than that, the newest go.
   */
  #countsFrom(
    store: KeyStore,
    limit: number,
    row: number,
    sinceMs: number,
    into: number[],
  ): boolean {
    const counters = store.counters[limit] as SlicedCounters
    const current = sliceAt(counters.slicing, this.#nowMs)
    const base = oldestLive(counters.slicing, current)
    const slicesMax = Math.floor((this.#max.numbersMax - 3) / store.limits.length) - 2
    let first = Math.max(base, sliceAt(counters.slicing, sinceMs), current - slicesMax + 1)
    while (first <= current && counters.count(row, first) === 0) first += 1
    let last = current
    while (last > first && counters.count(row, last) === 0) last -= 1
    if (first > last) {
      into.push(0, 0)
      return false
    }
    into.push(first - base, last - first + 1)
    for (let slice = first; slice <= last; slice++) into.push(counters.count(row, slice))
    return true
  }

  #isFull(rule: string, size: number): boolean {
    const { numbersMax, actorsMax, rulesMax } = this.#max
    return (
      this.#written + size > numbersMax ||
      this.#named.length >= actorsMax ||
      (this.#blocks.length >= rulesMax && !this.#blocks.some((block) => block.rule === rule))
    )
  }

  #block(rule: string, store: KeyStore): OpenBlock {
    for (let at = this.#blocks.length - 1; at >= 0; at--) {
      const open = this.#blocks[at] as OpenBlock
      if (open.rule === rule) return open
    }
    const block: OpenBlock = {
      rule,
      sliceMs: store.limits.map((limit) => limit.sliceMs),
      base: store.limits.map((limit: Limit) => oldestLive(limit, sliceAt(limit, this.#nowMs))),
      entries: [],
    }
    this.#blocks.push(block)
    return block
  }

  #number(row: number, store: KeyStore): number {
    const actor = store.table.actor(row)
    const known = this.#numbers.lastIndexOf(actor)
    if (known >= 0) return known
    this.#named.push(this.#actors.of(actor))
    return this.#numbers.push(actor) - 1
  }

  #seal(): void {
    if (this.#blocks.length > 0) this.#done.push({ actors: this.#named, blocks: this.#blocks })
    this.#blocks = []
    this.#named = []
    this.#numbers = []
    this.#written = 0
  }
}
