import type { Random } from '../cluster/random.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { type Correction, Corrections } from './corrections.ts'
import type { ClientAnswer } from './observer.ts'
import type { Simulation } from './simulation.ts'

/**
 * What clients ask, as data: one stream of checks of one rule. A run's workload is a list of these. Times
 * count from when the cluster is ready, in milliseconds.
 */
export interface Flow {
  readonly rule: string
  readonly keys: Keys
  readonly fromMs: number
  readonly untilMs: number
  readonly arrivals: Arrivals
  /**
   * Where clients ask: anywhere, each key at a node of its own, or at these nodes. A client whose node is
   * down goes to another one.
   */
  readonly origins: 'anywhere' | 'sticky' | readonly NodeId[]
  /** Tokens a check takes; drawn uniformly between two bounds. Default 1. */
  readonly cost?: { readonly min: number; readonly max: number }
  /** What clients do to a key beside asking for it; see `corrections.ts`. Default: nothing. */
  readonly corrections?: readonly Correction[]
}

/** Keys `name-0`, `name-1`, …; with one key, `name` itself. */
export interface Keys {
  readonly name: string
  readonly count: number
  /** Zipf: the k-th key is asked for 1/k as often as the first. Default: all alike. */
  readonly zipf?: boolean
}

export type Arrivals =
  /** An open loop: a check at every so many milliseconds, jittered by up to as much. */
  | { readonly type: 'steady'; readonly everyMs: number }
  /** So many checks at one instant, then silence; again and again. */
  | { readonly type: 'bursts'; readonly checks: number; readonly everyMs: number }
  /** A closed loop: each client asks, waits for the answer, thinks, and asks again. */
  | { readonly type: 'clients'; readonly clients: number; readonly thinkMs: number }
  /** A closed loop of clients that wait as long as a refusal tells them to. */
  | { readonly type: 'polite'; readonly clients: number; readonly thinkMs: number }

/** Sets a flow going. `readyMs` is the world's time from which the flow's times count. */
export function pour(world: Simulation, flow: Flow, readyMs: number, random: Random): void {
  const source = new Source(world, flow, random)
  const fromMs = readyMs + flow.fromMs
  const untilMs = readyMs + flow.untilMs
  const { corrections = [] } = flow
  if (corrections.length > 0) {
    const correcting = new Corrections(world, corrections, untilMs, random)
    world.observe({ answered: (seen) => correcting.answered(seen, source.isOwn(seen)) })
  }
  const { arrivals } = flow
  if (arrivals.type === 'clients' || arrivals.type === 'polite') {
    pourClosed(world, source, arrivals, { fromMs, untilMs, random })
    return
  }
  const checks = arrivals.type === 'bursts' ? arrivals.checks : 1
  const arrive = (atMs: number) => {
    if (atMs >= untilMs) return
    world.at(atMs, () => {
      for (let asked = 0; asked < checks; asked++) source.ask()
      arrive(atMs + jittered(arrivals, random))
    })
  }
  arrive(fromMs + random.below(Math.ceil(arrivals.everyMs)))
}

/** Half to one and a half times the interval; bursts keep their time. */
function jittered(
  { type, everyMs }: { readonly type: string; readonly everyMs: number },
  random: Random,
): number {
  if (type === 'bursts') return everyMs
  const micros = Math.max(1, Math.round(everyMs * 1_000))
  return (micros / 2 + random.below(micros + 1)) / 1_000
}

function pourClosed(
  world: Simulation,
  source: Source,
  {
    type,
    clients,
    thinkMs,
  }: { readonly type: string; readonly clients: number; readonly thinkMs: number },
  span: { readonly fromMs: number; readonly untilMs: number; readonly random: Random },
): void {
  const waiting = new Map<number, number>()
  let asking: number | undefined
  const next = (client: number, atMs: number) => {
    if (atMs >= span.untilMs) return
    world.at(atMs, () => {
      asking = client
      const id = source.ask()
      asking = undefined
      if (id === undefined) next(client, world.nowMs + thinkMs)
    })
  }
  world.observe({
    // Before the answer, which an owner gives at once.
    asked({ id }) {
      if (asking !== undefined) waiting.set(id, asking)
    },
    answered({ id, answer }) {
      const client = waiting.get(id)
      if (client === undefined) return
      waiting.delete(id)
      const retryAfterMs = answer.type === 'answer' ? answer.retryAfterMs : 0
      next(client, world.nowMs + Math.max(thinkMs, type === 'polite' ? retryAfterMs : 0))
    },
  })
  for (let client = 0; client < clients; client++) {
    next(client, span.fromMs + span.random.below(Math.max(1, Math.ceil(thinkMs))))
  }
}

/** Draws who asks for what, where. */
class Source {
  readonly #world: Simulation
  readonly #flow: Flow
  readonly #random: Random
  /** Sums of 1/1 … 1/k in millionths. */
  readonly #ranks: readonly number[]

  constructor(world: Simulation, flow: Flow, random: Random) {
    this.#world = world
    this.#flow = flow
    this.#random = random
    this.#ranks = flow.keys.zipf === true ? zipfRanks(flow.keys.count) : []
  }

  /** Whether one of these clients asked this check. */
  isOwn({ request, action = 'check' }: ClientAnswer): boolean {
    const { rule, keys } = this.#flow
    if (action !== 'check' || request.rule !== rule) return false
    return keys.count === 1 ? request.key === keys.name : request.key.startsWith(`${keys.name}-`)
  }

  /** Returns the check's id; undefined if nobody is there to be asked. */
  ask(): number | undefined {
    const index = this.#key()
    const node = this.#origin(index)
    if (node === undefined) return undefined
    const { rule, keys, cost = { min: 1, max: 1 } } = this.#flow
    const key = keys.count === 1 ? keys.name : `${keys.name}-${index}`
    const tokens = cost.min + this.#random.below(cost.max - cost.min + 1)
    return this.#world.ask(node, { rule, key, cost: tokens })
  }

  #key(): number {
    const { count } = this.#flow.keys
    const total = this.#ranks.at(-1)
    if (total === undefined) return this.#random.below(count)
    const drawn = this.#random.below(total)
    return this.#ranks.findIndex((sum) => drawn < sum)
  }

  #origin(key: number): NodeId | undefined {
    const { live, ids } = this.#world
    const { origins } = this.#flow
    const wanted = origins === 'anywhere' || origins === 'sticky' ? live : origins
    const there = wanted === live ? live : wanted.filter((id) => live.includes(id))
    if (origins === 'sticky') {
      const own = ids[key % ids.length]
      if (own !== undefined && live.includes(own)) return own
    }
    const pool = there.length > 0 ? there : live
    return pool[this.#random.below(Math.max(1, pool.length))]
  }
}

function zipfRanks(count: number): number[] {
  const sums: number[] = []
  for (let rank = 1, sum = 0; rank <= count; rank++) {
    sum += Math.round(1_000_000 / rank)
    sums.push(sum)
  }
  return sums
}
