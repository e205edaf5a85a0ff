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
  #blocks = new Map<string, OpenBlock>()
  #named: Actor[] = []
  #numbers = new Map<number, number>()
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
    const counts = store.limits.map((_, limit) => this.#countsFrom(store, limit, row, sinceMs))
    if (counts.every((tokens) => tokens[1] === 0)) return
    const size = 3 + counts.reduce((sum, tokens) => sum + tokens.length, 0)
    if (this.#isFull(rule, size)) this.#seal()
    const block = this.#block(rule, store)
    block.entries.push(store.table.hi(row), store.table.lo(row), this.#number(row, store))
    for (const tokens of counts) block.entries.push(...tokens)
    this.#written += size
  }

  finish(): Counts[] {
    if (this.#blocks.size > 0) this.#seal()
    return this.#done
  }

  /**
   * `[offset, n, count × n]`, from the first to the last slice with a count. A row must fit a message: of
   * more slices than that, the newest go.
   */
  #countsFrom(store: KeyStore, limit: number, row: number, sinceMs: number): number[] {
    const counters = store.counters[limit] as SlicedCounters
    const current = sliceAt(counters.slicing, this.#nowMs)
    const base = oldestLive(counters.slicing, current)
    const slicesMax = Math.floor((this.#max.numbersMax - 3) / store.limits.length) - 2
    let first = Math.max(base, sliceAt(counters.slicing, sinceMs), current - slicesMax + 1)
    while (first <= current && counters.count(row, first) === 0) first += 1
    let last = current
    while (last > first && counters.count(row, last) === 0) last -= 1
    if (first > last) return [0, 0]
    const tokens = [first - base, last - first + 1]
    for (let slice = first; slice <= last; slice++) tokens.push(counters.count(row, slice))
    return tokens
  }

  #isFull(rule: string, size: number): boolean {
    const { numbersMax, actorsMax, rulesMax } = this.#max
    return (
      this.#written + size > numbersMax ||
      this.#named.length >= actorsMax ||
      (this.#blocks.size >= rulesMax && !this.#blocks.has(rule))
    )
  }

  #block(rule: string, store: KeyStore): OpenBlock {
    const open = this.#blocks.get(rule)
    if (open !== undefined) return open
    const block: OpenBlock = {
      rule,
      sliceMs: store.limits.map((limit) => limit.sliceMs),
      base: store.limits.map((limit: Limit) => oldestLive(limit, sliceAt(limit, this.#nowMs))),
      entries: [],
    }
    this.#blocks.set(rule, block)
    return block
  }

  #number(row: number, store: KeyStore): number {
    const actor = store.table.actor(row)
    const known = this.#numbers.get(actor)
    if (known !== undefined) return known
    const number = this.#named.length
    this.#named.push(this.#actors.of(actor))
    this.#numbers.set(actor, number)
    return number
  }

  #seal(): void {
    const blocks = [...this.#blocks.values()]
    if (blocks.length > 0) this.#done.push({ actors: this.#named, blocks })
    this.#blocks = new Map()
    this.#named = []
    this.#numbers = new Map()
    this.#written = 0
  }
}
