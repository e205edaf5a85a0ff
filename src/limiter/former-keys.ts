import { type SlicedCounters, sliceAt } from '../../crdt/sliced-counter.ts'
import { SELF } from './actor-table.ts'
import type { Limit } from './algorithms/reckoning.ts'
import type { KeyHash } from './key-hash.ts'
import type { KeyStore } from './key-store.ts'
import { ACTING, KEY, NO_ROW } from './key-table.ts'

/** Whether this node decides a key at present. */
export type Owns = (hashHi: number) => boolean

/**
 * The keys of a rule whose limits have changed, or of one that is no more, on their way out of memory.
 *
 * A changed limit keeps what was consumed: tokens in use stay in use, up to the new burst. Counts of slices of
 * another length cannot go on, so they become one number, which the node that decides the key counts as its own
 * admission of now: it is gossiped as any admission is, and a successor finds it. The others remember it as what
 * they must at least assume, in case they have to decide before they are told.
 *
 * Keys are brought over when they are next used, and a few at each sweep: a million keys stall nobody.
 */
export class FormerKeys {
  readonly #from: KeyStore
  /** On their way into `from`, when limits have changed again meanwhile. */
  readonly #earlier: FormerKeys | undefined
  readonly #into: KeyStore | undefined
  readonly #owns: Owns

  /** Without `into` they are only forgotten. */
  constructor(
    from: KeyStore,
    earlier: FormerKeys | undefined,
    into: KeyStore | undefined,
    owns: Owns,
  ) {
    this.#from = from
    this.#earlier = earlier
    this.#into = into
    this.#owns = owns
  }

  get areGone(): boolean {
    return this.#from.table.keys === 0 && this.#earlier?.areGone !== false
  }

  /** To be called before anything is asked of the key. */
  bring(key: KeyHash, nowMs: number): void {
    this.#earlier?.bring(key, nowMs)
    const row = this.#from.table.find(key.hi, key.lo)
    if (row !== NO_ROW) this.#move(row, nowMs)
  }

  sweep(rowsMax: number, nowMs: number): void {
    if (this.#earlier?.areGone === false) this.#earlier.sweep(rowsMax, nowMs)
    const { table } = this.#from
    for (let step = 0; step < rowsMax && table.keys > 0; step++) {
      const row = this.#from.nextRow()
      if (table.isMarked(row, KEY)) this.#move(row, nowMs)
    }
  }

  #move(row: number, nowMs: number): void {
    const { table } = this.#from
    const [hi, lo] = [table.hi(row), table.lo(row)]
    const tokens = this.#into?.limits.map((limit, index) => {
      return Math.min(limit.policy.burst, tokensInUse(this.#from, row, index, nowMs))
    })
    this.#from.forget(row, nowMs)
    if (this.#into === undefined || tokens === undefined || !tokens.some((n) => n > 0)) return
    const key = this.#into.open(hi, lo, SELF, nowMs)
    if (key === NO_ROW) return
    if (this.#owns(hi)) admit(this.#into, key, tokens, nowMs)
    else if (!this.#into.table.isMarked(key, ACTING)) assume(this.#into, key, tokens, nowMs)
  }
}

/** By the limit at the same place, or the last one. */
function tokensInUse(from: KeyStore, row: number, index: number, nowMs: number): number {
  const at = Math.min(index, from.limits.length - 1)
  return Math.ceil(from.assumed(row, at, nowMs) / (from.limits[at] as Limit).tokenUnits)
}

/** As the decider: its own counts say so from now on. */
function admit(into: KeyStore, key: number, tokens: readonly number[], nowMs: number): void {
  if (!into.table.isMarked(key, ACTING)) into.takeOver(key, nowMs)
  const row = into.openActor(key, SELF, nowMs)
  for (const [index, amount] of tokens.entries()) {
    const limit = into.limits[index] as Limit
    const level = into.level(key, index, nowMs) + amount * limit.tokenUnits
    if (row !== NO_ROW) {
      const slice = sliceAt(limit, nowMs)
      const counted = (into.counters[index] as SlicedCounters).count(row, slice)
      into.raise(row, index, slice, counted + amount)
    }
    into.setLevel(key, index, level, nowMs)
  }
  into.unsent.add(key, Math.max(...tokens))
}

/** As any other node: until the decider's counts are heard, and should it have to decide by then. */
function assume(into: KeyStore, key: number, tokens: readonly number[], nowMs: number): void {
  for (const [index, amount] of tokens.entries()) {
    const { tokenUnits } = into.limits[index] as Limit
    const folded = into.folded(key, index, nowMs)
    into.setLevel(key, index, Math.max(folded, amount * tokenUnits), nowMs)
  }
}
