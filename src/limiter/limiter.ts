import type { Counts, DigestBlock, KeyRef, MergeResult, WantedBuckets } from '../../crdt/counts.ts'
import { NO_COUNTS } from '../../crdt/counts.ts'
import type { LevelsBlock } from '../../crdt/levels.ts'
import type { Actor, NodeId } from '../../crdt/node-id.ts'
import { bucketOf } from '../../crdt/slice-digest.ts'
import { oldestLive, sliceAt } from '../../crdt/sliced-counter.ts'
import { ActorTable, SELF } from './actor-table.ts'
import type { Rejection } from './check.ts'
import { CountsReader, type OnCredit } from './counts-reader.ts'
import { CountsWriter } from './counts-writer.ts'
import type { FormerKeys, Owns } from './former-keys.ts'
import type { KeyStore } from './key-store.ts'
import { KEY, NO_ROW } from './key-table.ts'
import { LevelsWriter, takeLevels } from './levels.ts'
import type { Rule } from './policy.ts'
import { unknownRule } from './rejection.ts'
import { RuleState, type RuleStateOptions } from './rule-state.ts'
import { SharedRules, type WriteOwn } from './shared-rules.ts'
import { type DigestsOf, surveyRows } from './survey.ts'

export interface LimiterOptions extends RuleStateOptions {
  /** Counts further ahead of this node's clock than this are refused. */
  readonly aheadMsMax: number
  /** Numbers, actors and rules in one counts message. */
  readonly numbersMax: number
  readonly actorsMax: number
  readonly rulesMax: number
  /** Numbers in one message of levels. */
  readonly levelNumbersMax: number
  readonly onCredit?: OnCredit
}

/**
 * All rules of one node, and the counts that replicate them. It decides checks of keys it is told to
 * decide; it does not know who owns a key.
 */
export class Limiter {
  readonly actors: ActorTable
  readonly #rules = new Map<string, RuleState>()
  #states: readonly RuleState[]
  /** Of these, the ones that all nodes decide. */
  #local: readonly RuleState[]
  /** The keys of rules that are no more. */
  #retired: FormerKeys[] = []
  readonly #reader: CountsReader
  readonly #options: LimiterOptions
  #sweeps = 0
  /** What all nodes decide, and tell each other in steps. */
  readonly shared: SharedRules

  constructor(rules: readonly Rule[], self: Actor, options: LimiterOptions) {
    this.actors = new ActorTable(self)
    this.#options = options
    for (const rule of rules) this.#rules.set(rule.name, new RuleState(rule, this.actors, options))
    this.#states = [...this.#rules.values()]
    this.#local = this.#states.filter(({ isLocal }) => isLocal)
    this.shared = new SharedRules(
      () => this.#local,
      (nowMs, tell) => this.#written(nowMs, tell),
    )
    this.#reader = new CountsReader(
      this.actors,
      (rule) => this.#rules.get(rule)?.store,
      options.aheadMsMax,
      options.onCredit ?? (() => undefined),
    )
  }

  /**
   * Other rules from now on. A rule whose limits change keeps what was consumed, a rule that is no more forgets it.
   * `owns`: the keys that this node decides at the time of asking. Returns whether there are counts that all nodes decide
   * by, and that this one could not hold until now.
   */
  change(rules: readonly Rule[], owns: Owns, nowMs: number): boolean {
    const former = new Map(this.#rules)
    const shared = new Set(this.#local.map(({ store }) => store))
    this.#rules.clear()
    for (const rule of rules) {
      const state = former.get(rule.name)
      former.delete(rule.name)
      const before = state && { state, owns, nowMs }
      this.#rules.set(rule.name, new RuleState(rule, this.actors, this.#options, before))
    }
    this.#states = [...this.#rules.values()]
    this.#local = this.#states.filter(({ isLocal }) => isLocal)
    for (const state of former.values()) this.#retired.push(state.retire(undefined, owns))
    return this.#local.some(({ store }) => !shared.has(store))
  }

  rule(name: string): RuleState | undefined {
    return this.#rules.get(name)
  }

  /** One that may be asked for by its name. */
  openRule(name: string): RuleState | undefined {
    const state = this.#rules.get(name)
    return state?.rule.isInternal ? undefined : state
  }

  /** The rejection of everything that names a rule there is not. */
  unknownRule(name: string): Rejection {
    const known = [...this.#rules.keys()].filter((rule) => this.openRule(rule) !== undefined)
    return unknownRule(name, known)
  }

  get rules(): IterableIterator<RuleState> {
    return this.#rules.values()
  }

  get flushWanted(): boolean {
    for (const { store } of this.#states) if (store.unsent.flushWanted) return true
    return false
  }

  /** Keys with admissions not sent yet. */
  get unsentKeys(): number {
    let keys = 0
    for (const { store } of this.#states) keys += store.unsent.size
    return keys
  }

  /** Own counts of the oldest keys with admissions not sent yet, from the slice of `sinceMs` on. */
  takeDelta(sinceMs: number, nowMs: number, keysMax = Number.POSITIVE_INFINITY): Counts[] {
    const writer = new CountsWriter(this.actors, this.#options, nowMs)
    this.#takeUnsent(keysMax, (rule, store, key) =>
      this.#writeOwn(writer, rule, store, key, sinceMs),
    )
    return writer.finish()
  }

  /** The same, for each audience of those keys alone of which it is to be told. */
  takeDeltaFor<Audience extends string>(
    audience: (hashHi: number) => readonly Audience[],
    sinceMs: number,
    nowMs: number,
    keysMax = Number.POSITIVE_INFINITY,
  ): Map<Audience, Counts[]> {
    const writers = new Map<Audience, CountsWriter>()
    const self: string = this.actors.self.node
    this.#takeUnsent(keysMax, (rule, store, key) => {
      for (const to of audience(store.table.hi(key))) {
        if (to === self) continue
        let writer = writers.get(to)
        if (writer === undefined) {
          writer = new CountsWriter(this.actors, this.#options, nowMs)
          writers.set(to, writer)
        }
        this.#writeOwn(writer, rule, store, key, sinceMs)
      }
    })
    return new Map([...writers].map(([to, writer]) => [to, writer.finish()]))
  }

  /** The oldest keys with admissions not sent yet, which count as sent from now on. */
  #takeUnsent(keysMax: number, tell: (rule: string, store: KeyStore, key: number) => void): void {
    let left = keysMax
    for (const { rule, store } of this.#states) {
      const waiting = store.unsent.size
      for (const key of store.unsent.take(left)) tell(rule.name, store, key)
      left -= Math.min(left, waiting)
    }
  }

  /** Own counts of some keys, in messages that each fit a frame. */
  #written(nowMs: number, tell: (write: WriteOwn) => void): Counts[] {
    const writer = new CountsWriter(this.actors, this.#options, nowMs)
    tell(({ rule, store }, key, sinceMs) => this.#writeOwn(writer, rule.name, store, key, sinceMs))
    return writer.finish()
  }

  #writeOwn(writer: CountsWriter, rule: string, store: KeyStore, key: number, sinceMs: number) {
    this.#writeCredit(writer, rule, store, key)
    const row = store.table.rowOf(key, SELF)
    if (row !== NO_ROW) writer.row(rule, store, row, sinceMs)
  }

  /**
   * What the next decider of the keys that `isMoved` may lack: own counts of those in use, and their exact
   * levels, in messages that each fit a frame. Nothing is taken by it: the counts are still to be sent.
   */
  handOver(isMoved: (hashHi: number) => boolean, nowMs: number): HandedOver {
    const counts = new CountsWriter(this.actors, this.#options, nowMs)
    const { levelNumbersMax, rulesMax } = this.#options
    const levels = new LevelsWriter(levelNumbersMax, rulesMax, nowMs)
    for (const { rule, store } of this.#states) {
      const { table } = store
      for (const key of store.unsent.inUse()) {
        if (!table.isMarked(key, KEY) || !isMoved(table.hi(key))) continue
        this.#writeOwn(counts, rule.name, store, key, 0)
        levels.key(rule.name, store, key)
      }
    }
    return { counts: counts.finish(), levels: levels.finish() }
  }

  /** From now on this node decides the keys that `isOurs`, after the node whose levels these are. */
  takeOver(
    levels: readonly LevelsBlock[],
    isOurs: (hashHi: number) => boolean,
    nowMs: number,
  ): void {
    for (const block of levels) {
      const store = this.#rules.get(block.rule)?.store
      if (store !== undefined) takeLevels(store, block, isOurs, nowMs)
    }
  }

  /**
   * Counts of these keys in the current and the previous slice: this node's own, or those of everybody but
   * the node that is being told. At most one message's worth.
   */
  countsOf(keys: readonly KeyRef[], by: CountsBy, nowMs: number): Counts {
    const writer = new CountsWriter(this.actors, this.#options, nowMs)
    for (const key of keys) {
      const state = this.#rules.get(key.rule)
      if (state === undefined) continue
      const { table, limits } = state.store
      let sliceMs = 0
      for (const limit of limits) sliceMs = Math.max(sliceMs, limit.sliceMs)
      const recentMs = nowMs - sliceMs
      const head = table.find(key.hashHi, key.hashLo)
      if (by.type === 'self' && head !== NO_ROW) {
        this.#writeCredit(writer, key.rule, state.store, head)
      }
      for (const row of creditFirst(state.store, head)) {
        const wanted =
          by.type === 'self'
            ? table.actor(row) === SELF
            : this.actors.of(table.actor(row)).node !== by.except
        if (wanted) writer.row(key.rule, state.store, row, recentMs)
      }
    }
    return writer.finish()[0] ?? NO_COUNTS
  }

  /**
   * What this node gave back of a key, all of it: it may be of any slice. Ahead of what it admitted, for without
   * it that may be more than there could be.
   */
  #writeCredit(writer: CountsWriter, rule: string, store: KeyStore, key: number): void {
    const credit = this.actors.knownCredit
    const row = credit === undefined ? NO_ROW : store.table.rowOf(key, credit)
    if (row !== NO_ROW) writer.row(rule, store, row, 0)
  }

  merge(counts: Counts, author: NodeId | undefined, nowMs: number): MergeResult {
    return this.#reader.merge(counts, author, nowMs)
  }

  /** Digests of all live slices that ended before `untilMs`, a slice away from falling off. */
  digest(untilMs: number, nowMs: number): DigestBlock[] {
    const blocks: DigestBlock[] = []
    for (const { rule, store } of this.#rules.values()) {
      store.limits.forEach((limit, index) => {
        const from = oldestLive(limit, sliceAt(limit, nowMs)) + 1
        // No calendar has a unit that holds the end of time.
        const isAll = untilMs > nowMs
        const to = isAll ? sliceAt(limit, nowMs) : sliceAt(limit, untilMs) - 1
        if (from > to) return
        const buckets = (store.digests[index] as (typeof store.digests)[number]).between(from, to)
        blocks.push({ rule: rule.name, limit: index, sliceMs: limit.sliceMs, from, to, buckets })
      })
    }
    return blocks
  }

  /**
   * Adds what this node holds to the digests to which it belongs, looking at `rowsMax` rows at most. With `isHeld`,
   * it gives up deciding all other keys.
   */
  survey(
    digestsOf: DigestsOf,
    cursor: Cursor,
    rowsMax: number,
    nowMs: number,
    isHeld?: (hashHi: number) => boolean,
  ): Cursor | undefined {
    let { rule, row } = cursor
    let left = rowsMax
    for (; rule < this.#states.length; rule++, row = 0) {
      const { rule: named, store } = this.#states[rule] as RuleState
      const endRow = Math.min(store.table.rowsSeen, row + left)
      const rows = { rule: named.name, store, actors: this.actors, fromRow: row, endRow }
      surveyRows(rows, digestsOf, isHeld, nowMs)
      left -= endRow - row
      if (endRow < store.table.rowsSeen) return { rule, row: endRow }
    }
    return undefined
  }

  /** The buckets in which this node's digests, or those that it surveyed, differ from these, by rule. */
  differing(blocks: readonly DigestBlock[], surveyed?: readonly DigestBlock[]): WantedBuckets[] {
    const wanted = new Map<string, Uint8Array>()
    for (const [index, block] of blocks.entries()) {
      const store = this.#rules.get(block.rule)?.store
      if (store?.limits[block.limit]?.sliceMs !== block.sliceMs) continue
      const own =
        surveyed?.[index]?.buckets ?? store.digests[block.limit]?.between(block.from, block.to)
      if (own === block.buckets) continue
      for (let bucket = 0; bucket < block.buckets.length; bucket++) {
        if (own?.[bucket] === block.buckets[bucket]) continue
        const bits = wanted.get(block.rule) ?? new Uint8Array(block.buckets.length / 8)
        bits[bucket >> 3] = (bits[bucket >> 3] as number) | (1 << (bucket & 7))
        wanted.set(block.rule, bits)
      }
    }
    return [...wanted].map(([rule, bits]) => ({ rule, bits }))
  }

  /** Everything live in the wanted buckets that `isTheirs`, from a cursor on, a bounded number of rows at a time. */
  repair(
    wanted: readonly WantedBuckets[],
    cursor: Cursor,
    rowsMax: number,
    nowMs: number,
    isTheirs: (hashHi: number, writer: NodeId) => boolean = () => true,
  ): { counts: Counts[]; next: Cursor | undefined } {
    const writer = new CountsWriter(this.actors, this.#options, nowMs)
    let { rule, row } = cursor
    for (let looked = 0; rule < wanted.length; rule++, row = 0) {
      const { rule: name, bits } = wanted[rule] as WantedBuckets
      const store = this.#rules.get(name)?.store
      for (; store !== undefined && row < store.table.rowsSeen; row++) {
        if (looked++ >= rowsMax || writer.written * 2 > this.#options.numbersMax) {
          return { counts: writer.finish(), next: { rule, row } }
        }
        if (!store.table.isMarked(row, KEY) || !isWanted(bits, store.table.hi(row))) continue
        const hashHi = store.table.hi(row)
        for (const actor of creditFirst(store, row)) {
          const { node } = this.actors.of(store.table.actor(actor))
          if (isTheirs(hashHi, node)) writer.row(name, store, actor, 0)
        }
      }
    }
    return { counts: writer.finish(), next: undefined }
  }

  /** One rule at a time, each in its turn. */
  sweep(rowsMax: number, nowMs: number): void {
    this.#states[this.#sweeps++ % this.#states.length]?.sweep(rowsMax, nowMs)
    const [retired] = this.#retired
    retired?.sweep(rowsMax, nowMs)
    if (retired?.areGone) this.#retired.shift()
  }
}

/** The rows of a key: what was given back ahead of what was admitted, which may be more than could be without it. */
function creditFirst(store: KeyStore, key: number): readonly number[] {
  if (key === NO_ROW) return []
  const { debits, credits } = store.rows(key)
  return credits.length === 0 ? debits : [...credits, ...debits]
}

/** Where a scan goes on: an index into the rules, and a row. */
interface Cursor {
  readonly rule: number
  readonly row: number
}

interface HandedOver {
  readonly counts: readonly Counts[]
  readonly levels: readonly (readonly LevelsBlock[])[]
}

type CountsBy = { readonly type: 'self' } | { readonly type: 'all'; readonly except: NodeId }

function isWanted(bits: Uint8Array, hashHi: number): boolean {
  const bucket = bucketOf(hashHi)
  return ((bits[bucket >> 3] as number) & (1 << (bucket & 7))) !== 0
}
