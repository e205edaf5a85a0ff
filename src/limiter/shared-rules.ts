import type { Counts } from '../../crdt/counts.ts'
import type { RuleState } from './rule-state.ts'

/** Writes this node's own counts of a key, from the slice of `sinceMs` on. */
export type WriteOwn = (state: RuleState, key: number, sinceMs: number) => void

/** The rules that all nodes decide: what of them is to be told to everybody, and who knows of it. */
export class SharedRules {
  readonly #states: () => readonly RuleState[]
  readonly #written: (nowMs: number, tell: (write: WriteOwn) => void) => Counts[]

  constructor(
    states: () => readonly RuleState[],
    written: (nowMs: number, tell: (write: WriteOwn) => void) => Counts[],
  ) {
    this.#states = states
    this.#written = written
  }

  get exists(): boolean {
    return this.#states().length > 0
  }

  get untoldKeys(): number {
    return this.#states().reduce((keys, { store }) => keys + store.unacknowledged.untoldKeys, 0)
  }

  get isUrgent(): boolean {
    return this.#states().some(({ store }) => store.unacknowledged.isUrgent)
  }

  /** Own counts of keys that are not told yet, `keysMax` at most; they are step `number` from now on. */
  takeStep(number: number, nowMs: number, keysMax: number): Counts[] {
    return this.#written(nowMs, (write) => {
      let left = keysMax
      for (const state of this.#states()) {
        const taken = state.store.unacknowledged.take(number, left)
        for (const { row, sinceMs } of taken) write(state, row, sinceMs)
        left -= taken.length
      }
    })
  }

  acknowledged(number: number): void {
    for (const { store } of this.#states()) store.unacknowledged.acknowledged(number)
  }

  isWithinQuota(members: number): boolean {
    return this.#states().every((state) => {
      return state.store.unacknowledged.most() <= state.quota(members)
    })
  }
}
