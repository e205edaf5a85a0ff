import type { Actor, NodeId } from '../../crdt/node-id.ts'
import { oldestLive, type SlicedCounters, sliceAt } from '../../crdt/sliced-counter.ts'
import { NO_ROW } from '../../src/limiter/key-table.ts'
import type { Limit } from '../../src/limiter/limit.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import { LOOK_MS } from '../observer.ts'
import type { Watch } from '../oracle.ts'
import type { Simulation } from '../simulation.ts'
import { type TrueKey, Truth } from './truth.ts'

/** What a node holds of what one actor admitted of one key, or (`credit`) gave back, under one limit. */
export interface HeldRing extends Actor {
  /** Tokens in the slices from `Held.oldest` on. */
  readonly tokens: readonly number[]
}

/** What a node holds of one key under one limit, read through the doors of the limiter. */
export interface Held {
  readonly node: NodeId
  readonly limit: Limit
  readonly limitIndex: number
  /** When, by the node's clock. */
  readonly nowMs: number
  /** The slices `[oldest, newest]` are live; the newest is the present one, or one ahead that holds a count. */
  readonly oldest: number
  readonly newest: number
  readonly rings: readonly HeldRing[]
  /** The level by the counts, in tokens; undefined if the node knows nothing of the key. */
  levelAt(nowMs: number): number | undefined
  /** The table has been full: something may have been forgotten for something else. */
  readonly mayHaveForgotten: boolean
}

/** Looks for which a key stays the sample, so that two looks at the same key can be compared. */
const LOOKS = 2

/**
 * The key whose replicas are looked at now. Looking at all keys all the time would take longer than the run
 * itself, so each has its turn. One for each world, however many oracles ask; what nodes hold is read once
 * for each look.
 */
export class Sample {
  static readonly #worlds = new WeakMap<Simulation, Sample>()

  readonly #world: Simulation
  readonly #truth: Truth
  #held: readonly Held[] = []
  #heldAtMs = -1
  #looks = 0

  static of(watch: Watch): Sample {
    const { world } = watch
    let sample = Sample.#worlds.get(world)
    if (sample === undefined) {
      const made = new Sample(world, Truth.of(watch))
      world.observe({ look: () => made.#look() })
      Sample.#worlds.set(world, made)
      sample = made
    }
    return sample
  }

  private constructor(world: Simulation, truth: Truth) {
    this.#world = world
    this.#truth = truth
  }

  /** Looks so far. */
  get looks(): number {
    return this.#looks
  }

  /** Whether this is the first look at the sample. */
  get isNew(): boolean {
    return this.#looks % LOOKS === 0
  }

  get key(): TrueKey | undefined {
    const { keys } = this.#truth
    // Keys that rest hold nothing; of those in use, each in its turn.
    const turn = Math.floor(this.#looks / LOOKS)
    return keys[turn % Math.max(1, keys.length)]
  }

  /** What every live node that is not held up holds of the sample, limit by limit. */
  get held(): readonly Held[] {
    if (this.#heldAtMs === this.#world.nowMs) return this.#held
    this.#heldAtMs = this.#world.nowMs
    const { key } = this
    this.#held = key === undefined ? [] : heldEverywhere(this.#world, key)
    return this.#held
  }

  #look(): void {
    this.#looks += 1
    this.#heldAtMs = -1
  }
}

/** What every live node that is not held up holds of a key, now. */
export function heldEverywhere(world: Simulation, key: TrueKey): Held[] {
  return world.live.flatMap((id) => {
    const host = world.host(id)
    return host.isPaused ? [] : heldBy(id, host.node.limiter, key, host.nowMs)
  })
}

function heldBy(node: NodeId, limiter: Limiter, key: TrueKey, nowMs: number): Held[] {
  const store = limiter.rule(key.rule)?.store
  if (store === undefined) return []
  const { table } = store
  const row = table.find(key.hash.hi, key.hash.lo)
  const chain: number[] = []
  for (let at = row; at !== NO_ROW; at = table.next(at)) chain.push(at)
  const actors = chain.map((at) => limiter.actors.of(table.actor(at)))
  return store.limits.map((limit, limitIndex) => {
    const counters = store.counters[limitIndex] as SlicedCounters
    const newest = newestHeld(counters, chain, sliceAt(limit, nowMs))
    const oldest = oldestLive(limit, newest)
    const rings = chain.map((at, index) => {
      const tokens = new Array<number>(limit.slices)
      for (let age = 0; age < limit.slices; age++) tokens[age] = counters.count(at, oldest + age)
      return { ...(actors[index] as Actor), tokens }
    })
    const levelAt = (atMs: number) =>
      row === NO_ROW ? undefined : store.folded(row, limitIndex, atMs) / limit.tokenUnits
    const mayHaveForgotten = table.rowsSeen >= table.rowsMax
    return { node, limit, limitIndex, nowMs, oldest, newest, rings, levelAt, mayHaveForgotten }
  })
}

/** What a later look holds of the same actor. */
export function sameRing(rings: readonly HeldRing[], wanted: Actor): HeldRing | undefined {
  return rings.find(
    ({ node, incarnation, credit }) =>
      node === wanted.node && incarnation === wanted.incarnation && credit === wanted.credit,
  )
}

function newestHeld(counters: SlicedCounters, chain: readonly number[], current: number): number {
  let newest = current
  for (const row of chain) {
    const head = counters.newest(row, current)
    if (head > newest && counters.count(row, head) > 0) newest = head
  }
  return newest
}

/** So many looks make this many milliseconds. */
export function looksOf(ms: number): number {
  return Math.ceil(ms / LOOK_MS)
}
