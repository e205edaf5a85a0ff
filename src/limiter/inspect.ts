import { type Actor, compareNodeIds } from '../../crdt/node-id.ts'
import { oldestLive, type SlicedCounters, sliceAt } from '../../crdt/sliced-counter.ts'
import type { ActorTable } from './actor-table.ts'
import type { KeyHash } from './key-hash.ts'
import { ACTING, NO_ROW } from './key-table.ts'
import type { Limit } from './limit.ts'
import type { RuleState } from './rule-state.ts'

/** What one limit of a rule holds about one key. */
export interface LimitView {
  readonly limit: Limit
  /** Tokens in use by the fold over the counts, rounded up. */
  readonly level: number
  readonly acting: boolean
  /** Live counts, by slice and then by actor. */
  readonly counts: readonly {
    readonly slice: number
    readonly actor: Actor
    readonly tokens: number
  }[]
}

/** Everything held about a key, without changing any of it. */
export function inspectKey(
  state: RuleState,
  actors: ActorTable,
  key: KeyHash,
  nowMs: number,
): LimitView[] {
  const { store } = state
  const row = store.table.find(key.hi, key.lo)
  return store.limits.map((limit, index) => {
    if (row === NO_ROW) return { limit, level: 0, acting: false, counts: [] }
    const level = Math.ceil(store.folded(row, index, nowMs) / limit.tokenUnits)
    const acting = store.table.isMarked(row, ACTING)
    return { limit, level, acting, counts: countsOf(state, actors, row, index, nowMs) }
  })
}

function countsOf(
  { store }: RuleState,
  actors: ActorTable,
  key: number,
  index: number,
  nowMs: number,
): LimitView['counts'] {
  const counters = store.counters[index] as SlicedCounters
  const current = sliceAt(counters.slicing, nowMs)
  const counts: { slice: number; actor: Actor; tokens: number }[] = []
  for (let row = key; row !== NO_ROW; row = store.table.next(row)) {
    const actor = actors.of(store.table.actor(row))
    for (let slice = oldestLive(counters.slicing, current); slice <= current; slice++) {
      const tokens = counters.count(row, slice)
      if (tokens > 0) counts.push({ slice, actor, tokens })
    }
  }
  return counts.sort(
    (a, b) =>
      a.slice - b.slice ||
      compareNodeIds(a.actor.node, b.actor.node) ||
      a.actor.incarnation - b.actor.incarnation,
  )
}
