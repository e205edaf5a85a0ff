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
}

/** Collects rows into counts messages within a maximum. Actors are numbered anew in each message. */
export class CountsWriter {
  readonly #actors: ActorTable
  readonly #max: CountsMessageMax
  readonly #nowMs: number
  readonly #done: Counts[] = []
  #blocks: OpenBlock[] = []
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
    if (this.#written + size > this.#max.numbersMax || this.#named.length >= this.#max.actorsMax) {
      this.#seal()
    }
    const block = this.#block(rule, store)
    block.entries.push(store.table.hi(row), store.table.lo(row), this.#number(row, store))
    for (const tokens of counts) block.entries.push(...tokens)
    this.#written += size
  }

  finish(): Counts[] {
    if (this.#blocks.length > 0) this.#seal()
    return this.#done
  }

  /** `[offset, n, count × n]`, from the first to the last slice with a count. */
  #countsFrom(store: KeyStore, limit: number, row: number, sinceMs: number): number[] {
    const counters = store.counters[limit] as SlicedCounters
    const current = sliceAt(counters.slicing, this.#nowMs)
    const base = oldestLive(counters.slicing, current)
    let first = Math.max(base, sliceAt(counters.slicing, sinceMs))
    while (first <= current && counters.count(row, first) === 0) first += 1
    let last = current
    while (last > first && counters.count(row, last) === 0) last -= 1
    if (first > last) return [0, 0]
    const tokens = [first - base, last - first + 1]
    for (let slice = first; slice <= last; slice++) tokens.push(counters.count(row, slice))
    return tokens
  }

  #block(rule: string, store: KeyStore): OpenBlock {
    const last = this.#blocks.at(-1)
    if (last?.rule === rule) return last
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
    const known = this.#numbers.get(actor)
    if (known !== undefined) return known
    const number = this.#named.length
    this.#named.push(this.#actors.of(actor))
    this.#numbers.set(actor, number)
    return number
  }

  #seal(): void {
    if (this.#blocks.length > 0) this.#done.push({ actors: this.#named, blocks: this.#blocks })
    this.#blocks = []
    this.#named = []
    this.#numbers = new Map()
    this.#written = 0
  }
}
