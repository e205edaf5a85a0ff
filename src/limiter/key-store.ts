import { SliceDigest } from '../../crdt/slice-digest.ts'
import { oldestLive, ringWords, SlicedCounters, sliceAt } from '../../crdt/sliced-counter.ts'
import { type ActorTable, SELF } from './actor-table.ts'
import type { Buckets, Limit, Rows } from './algorithms/reckoning.ts'
import { Eviction } from './eviction.ts'
import {
  ACTING,
  CREDIT,
  DIRTY,
  KEY,
  KeyTable,
  NO_ROW,
  SURCHARGED,
  TABLE_WORDS,
} from './key-table.ts'
import { Leased } from './leased.ts'
import { Unacknowledged } from './unacknowledged.ts'
import { Unsent } from './unsent.ts'

/** A bucket is two doubles: its level in units, and when it was that, in ms. */
const BUCKET_WORDS = 4
const UNSENT_WORDS = 1

/**
 * Everything one rule remembers about its keys: for each key and limit a bucket (the acting owner's exact
 * level, never gossiped) and the sliced counts of every actor that admitted (replicated).
 *
 * Invariant: for a key marked acting, the bucket's level is never below the true level of the counts held;
 * every count that arrives late raises both.
 *
 * All of a row lies together, for at a million keys the time of a decision is that of its cache misses:
 *
 *     table's words | level, time for each limit | unsent tokens | ring for each limit
 */
export class KeyStore implements Buckets {
  readonly table: KeyTable
  readonly counters: readonly SlicedCounters[]
  readonly digests: readonly SliceDigest[]
  /** What of the own counts is still to be sent. */
  readonly unsent: Unsent
  /** What of the own counts other nodes may still be giving out. */
  readonly leased = new Leased()
  /** What of the own counts others may not hold, where all nodes decide. */
  readonly unacknowledged = new Unacknowledged()
  readonly #actors: ActorTable
  #limits: readonly Limit[]
  /** The same memory as words and as doubles. */
  readonly #doubles: Float64Array
  readonly #rowDoubles: number
  readonly #eviction = new Eviction()
  #sweepAt = 0
  /** What a token weighs on the level of each key with a surcharge. */
  readonly #weights = new Map<number, number>()
  readonly #levelsOfKey: Float64Array
  readonly #rowsOfKey = { debits: [] as number[], credits: [] as number[] }

  /** More than `flushTokens` of one key unsent ask for an early flush. */
  constructor(
    limits: readonly Limit[],
    keysMax: number,
    actors: ActorTable,
    flushTokens = Number.POSITIVE_INFINITY,
  ) {
    this.#limits = limits
    this.#levelsOfKey = new Float64Array(limits.length)
    this.#actors = actors
    const unsentAt = TABLE_WORDS + limits.length * BUCKET_WORDS
    const ringsAt = unsentAt + UNSENT_WORDS
    const offsets = limits.map((_, limit) =>
      limits.slice(0, limit).reduce((offset, before) => offset + ringWords(before), ringsAt),
    )
    const rowWords = limits.reduce((words, limit) => words + ringWords(limit), ringsAt)
    this.#rowDoubles = Math.ceil(rowWords / 2)
    const stride = this.#rowDoubles * 2
    this.#doubles = new Float64Array(keysMax * this.#rowDoubles)
    const words = new Uint32Array(this.#doubles.buffer)
    this.table = new KeyTable(keysMax, words, stride)
    this.unsent = new Unsent(this.table, { words, offset: unsentAt, stride }, flushTokens)
    this.counters = limits.map((limit, index) => {
      return new SlicedCounters(limit, { words, offset: offsets[index] as number, stride })
    })
    this.digests = limits.map((limit) => new SliceDigest(limit))
  }

  get limits(): readonly Limit[] {
    return this.#limits
  }

  /** Other limits over equal slices; see `relimit`. */
  relimit(limits: readonly Limit[], flushTokens: number): void {
    this.#limits = limits
    this.unsent.flushTokens = flushTokens
  }

  /** Live keys given up for new ones so far. */
  get evicted(): number {
    return this.#eviction.evicted
  }

  /** The key's row, made if need be; NO_ROW when every row is taken by keys that must not be forgotten. */
  open(hi: number, lo: number, actor: number, nowMs: number): number {
    const row = this.reopen(hi, lo, actor)
    if (row !== NO_ROW || !this.#makeRoom(NO_ROW, nowMs)) return row
    return this.reopen(hi, lo, actor)
  }

  /** The row with the counts of `actor` for this key, made if need be. */
  openActor(key: number, actor: number, nowMs: number): number {
    const row = this.reopenActor(key, actor)
    if (row !== NO_ROW || !this.#makeRoom(key, nowMs)) return row
    return this.reopenActor(key, actor)
  }

  /**
   * The same as `open` for what others tell: nothing is forgotten for it. Two full tables would otherwise
   * tell each other for ever what each has just forgotten.
   */
  reopen(hi: number, lo: number, actor: number): number {
    const known = this.table.find(hi, lo)
    if (known !== NO_ROW) return known
    return this.#opened(this.table.insert(hi, lo, actor), actor)
  }

  reopenActor(key: number, actor: number): number {
    const known = this.table.rowOf(key, actor)
    if (known !== NO_ROW) return known
    return this.#opened(this.table.chain(key, actor), actor)
  }

  /** What the acting owner's bucket says is in use now, in units. */
  level(key: number, limit: number, nowMs: number): number {
    const by = this.#limits[limit] as Limit
    const leased = this.leased.units(this, key, limit, nowMs)
    return by.reckoning.level(by, this, key, limit, nowMs) + leased
  }

  /** The levels by all limits; good until the next call. */
  levels(key: number, nowMs: number): Float64Array {
    const levels = this.#levelsOfKey
    for (let limit = 0; limit < levels.length; limit++) {
      levels[limit] = this.level(key, limit, nowMs)
    }
    return levels
  }

  setLevel(key: number, limit: number, level: number, nowMs: number): void {
    const by = this.#limits[limit] as Limit
    const inBucket = this.leased.besides(this, key, limit, level, nowMs)
    by.reckoning.put(by, this, key, limit, inBucket, nowMs)
  }

  /** Milliseconds until so much of what is in use is free, if nothing more is taken. */
  freeInMs(key: number, limit: number, units: number, nowMs: number): number {
    const by = this.#limits[limit] as Limit
    if (this.leased.units(this, key, limit, nowMs) > 0) {
      return this.leased.freeInMs(this, key, limit, units, nowMs)
    }
    return by.reckoning.freeInMs(by, this, key, limit, units, nowMs)
  }

  /** How long ago the window opened, of limits whose windows open when they are first used; else 0. */
  ageMs(key: number, limit: number, nowMs: number): number {
    const { opensOnUse } = (this.limits[limit] as Limit).reckoning
    return opensOnUse ? Math.max(0, nowMs - this.bucketMs(key, limit)) : 0
  }

  /** What is in use by the replicated counts alone: what any replica must assume. */
  folded(key: number, limit: number, nowMs: number): number {
    const by = this.#limits[limit] as Limit
    return by.reckoning.fold(by, this.counters[limit] as SlicedCounters, this.rows(key), nowMs)
  }

  counted(key: number, limit: number, slice: number): number {
    const { debits, credits } = this.rows(key)
    const counters = this.counters[limit] as SlicedCounters
    return Math.max(0, counters.sum(debits, slice) - counters.sum(credits, slice))
  }

  bucketLevel(key: number, limit: number): number {
    return this.#doubles[this.#bucket(key, limit)] as number
  }

  bucketMs(key: number, limit: number): number {
    return this.#doubles[this.#bucket(key, limit) + 1] as number
  }

  setBucket(key: number, limit: number, level: number, atMs: number): void {
    const at = this.#bucket(key, limit)
    this.#doubles[at] = level
    this.#doubles[at + 1] = atMs
  }

  /** From now on this node decides the key: its bucket starts from what the counts say. */
  takeOver(key: number, nowMs: number): void {
    for (let limit = 0; limit < this.limits.length; limit++) {
      const { reckoning } = this.limits[limit] as Limit
      const inherited = this.#inherited(key, limit, nowMs)
      reckoning.adopt(this.limits[limit] as Limit, this, key, limit, nowMs)
      if (inherited > this.level(key, limit, nowMs)) this.setLevel(key, limit, inherited, nowMs)
    }
    this.table.mark(key, ACTING)
  }

  /**
   * What the bucket of a key that this node does not decide says beyond the counts: nothing, but after a change of
   * limits; see `FormerKeys`.
   */
  #inherited(key: number, limit: number, nowMs: number): number {
    if (this.bucketLevel(key, limit) === 0) return 0
    const level = this.level(key, limit, nowMs)
    return (this.#limits[limit] as Limit).reckoning.isByCounts
      ? level - this.folded(key, limit, nowMs)
      : level
  }

  /** From now on, and until the network is whole, a token of this key weighs so much. */
  surcharge(key: number, weight: number): void {
    this.table.mark(key, SURCHARGED)
    this.#weights.set(key, weight)
  }

  /** What a token of this key weighs now. */
  weight(key: number): number {
    return this.#weights.get(key) ?? 1
  }

  /** The network is whole again: what checks weighed beyond their cost is forgotten, the counts hold. */
  dropSurcharge(key: number, nowMs: number): void {
    if (this.table.isMarked(key, SURCHARGED)) this.#forgetSurcharge(key, nowMs)
  }

  #forgetSurcharge(key: number, nowMs: number): void {
    this.table.unmark(key, SURCHARGED)
    this.#weights.delete(key)
    for (let limit = 0; limit < this.limits.length; limit++) {
      const settled = Math.min(this.level(key, limit, nowMs), this.folded(key, limit, nowMs))
      this.setLevel(key, limit, settled, nowMs)
    }
  }

  /** The most this node must assume the key has used, in units of the limit. */
  assumed(key: number, limit: number, nowMs: number): number {
    if (this.table.isMarked(key, ACTING)) return this.level(key, limit, nowMs)
    return Math.max(this.folded(key, limit, nowMs), this.#inherited(key, limit, nowMs))
  }

  /**
   * Adds to this node's own counts, which nobody else ever writes. (With every row taken by keys that are
   * being refused there is nowhere to write: the bucket still decides exactly, replicas learn nothing.)
   */
  record(key: number, cost: number, nowMs: number): void {
    const row = this.openActor(key, SELF, nowMs)
    if (row === NO_ROW) return
    for (let limit = 0; limit < this.limits.length; limit++) {
      const slice = sliceAt(this.limits[limit] as Limit, nowMs)
      const rise = (this.counters[limit] as SlicedCounters).add(row, slice, cost)
      this.#digest(row, limit, slice, rise)
    }
    this.unsent.add(key, cost)
  }

  /** The row of what this node gave back of a key, made if need be. */
  openCredit(key: number, nowMs: number): number {
    const credit = this.#actors.credit()
    return credit === undefined ? NO_ROW : this.openActor(key, credit, nowMs)
  }

  /** Raises one entry to `count`; returns by how much it rose. */
  raise(row: number, limit: number, slice: number, count: number): number {
    const rise = (this.counters[limit] as SlicedCounters).raise(row, slice, count)
    if (rise > 0) this.#digest(row, limit, slice, rise)
    return rise
  }

  /**
   * Looks at the next `rowsMax` rows and lets go of what can no longer matter: counts that have fallen off
   * and keys whose buckets are full again. Bounded, so that no sweep is ever felt.
   */
  sweep(rowsMax: number, nowMs: number): void {
    this.leased.sweep(this, nowMs)
    const rows = Math.min(rowsMax, this.table.rowsSeen)
    for (let step = 0; step < rows; step++) {
      const key = this.nextRow()
      if (!this.table.isMarked(key, KEY) || this.table.isMarked(key, DIRTY)) continue
      this.#dropSpentActors(key, nowMs)
      if (this.#isSpent(key, nowMs)) this.forget(key, nowMs)
    }
  }

  /** All rows in turn, whatever they are. */
  nextRow(): number {
    this.#sweepAt = this.#sweepAt + 1 < this.table.rowsSeen ? this.#sweepAt + 1 : 0
    return this.#sweepAt
  }

  /** Forgets a key with everything known about it. */
  forget(key: number, nowMs: number): void {
    this.#weights.delete(key)
    this.leased.forget(key)
    this.unacknowledged.forget(key)
    while (this.table.next(key) !== NO_ROW) this.#dropAfter(key, nowMs)
    this.#blank(key, nowMs)
    this.#doubles.fill(0, this.#bucket(key, 0), this.#bucket(key, this.limits.length))
    this.table.remove(key)
  }

  #makeRoom(spared: number, nowMs: number): boolean {
    const victim = this.#eviction.victim(this, spared, nowMs)
    if (victim === NO_ROW) return false
    this.forget(victim, nowMs)
    return true
  }

  #isSpent(key: number, nowMs: number): boolean {
    if (this.table.next(key) !== NO_ROW || this.#isLive(key, nowMs)) return false
    return this.limits.every((_, limit) => this.level(key, limit, nowMs) === 0)
  }

  #dropSpentActors(key: number, nowMs: number): void {
    let row = key
    while (this.table.next(row) !== NO_ROW) {
      if (this.#isLive(this.table.next(row), nowMs)) row = this.table.next(row)
      else this.#dropAfter(row, nowMs)
    }
  }

  #isLive(row: number, nowMs: number): boolean {
    return this.limits.some((limit, index) =>
      (this.counters[index] as SlicedCounters).isLive(
        row,
        oldestLive(limit, sliceAt(limit, nowMs)),
      ),
    )
  }

  #dropAfter(row: number, nowMs: number): void {
    this.#blank(this.table.next(row), nowMs)
    this.table.unchainAfter(row)
  }

  /** Empties the rings of a row that is about to be given back, and takes them out of the digests. */
  #blank(row: number, nowMs: number): void {
    for (let limit = 0; limit < this.limits.length; limit++) {
      const counters = this.counters[limit] as SlicedCounters
      const newest = counters.newest(row, sliceAt(this.limits[limit] as Limit, nowMs))
      for (let age = 0; age < counters.slicing.slices; age++) {
        const count = counters.count(row, newest - age)
        if (count !== 0) this.#digest(row, limit, newest - age, -count)
      }
      counters.clear(row)
    }
    this.#actors.release(this.table.actor(row))
  }

  #digest(row: number, limit: number, slice: number, change: number): void {
    const tag = this.#actors.tag(this.table.actor(row))
    const digest = this.digests[limit] as SliceDigest
    digest.add(this.table.hi(row), this.table.lo(row), tag, slice, change)
  }

  /** The rows of all actors of a key; good until the next call. */
  rows(key: number): Rows {
    const { debits, credits } = this.#rowsOfKey
    debits.length = 0
    if (credits.length > 0) credits.length = 0
    for (let row = key; row !== NO_ROW; row = this.table.next(row)) {
      if (this.table.isMarked(row, CREDIT)) credits.push(row)
      else debits.push(row)
    }
    return this.#rowsOfKey
  }

  /** A row that was just made for an actor, or NO_ROW. */
  #opened(row: number, actor: number): number {
    if (row === NO_ROW) return row
    this.#actors.acquire(actor)
    if (this.#actors.isCredit(actor)) this.table.mark(row, CREDIT)
    return row
  }

  /** Where a bucket lies among the doubles. */
  #bucket(key: number, limit: number): number {
    return key * this.#rowDoubles + (TABLE_WORDS + limit * BUCKET_WORDS) / 2
  }
}
