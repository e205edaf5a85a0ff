import { type Architecture, type Outcome, outcomeOf } from './architecture.ts'
import type { Buckets } from './bucket.ts'
import { StoreClient } from './store-client.ts'
import type { Arrival } from './workload.ts'
import { type Model, type Place, play, type World } from './world.ts'

/**
 * A store that hands out tokens by the lease: a server takes `tokens` of a key at once and spends them without
 * asking. Doorman's capacity leases, throttlekit's leased mode, bucket4j's batching. A lease counts as consumed when
 * it is granted, and what is left of it lapses after `ttlMs`; so the store's books never overshoot, and what is
 * really admitted exceeds the limit by at most the leases that can be outstanding, nodes × tokens. When the store
 * is out of reach, each server limits to 1/N of the limit (Doorman's safe capacity), beside the lease it still has.
 *
 * Simplified: leases have one fixed size and are fetched when a check needs one, not ahead.
 */
export const leases: Architecture = {
  name: 'central store with leases',
  describe: 'servers take tokens from one store in advance; alone, each limits to 1/N (Doorman)',
  inSplit: 'the side with the store goes on, servers of the other fall back to 1/N each',
  run: (scenario) => play(scenario, leasing),
}

function leasing(world: World): Model {
  const store = world.addPlace(0)
  const buckets = world.buckets()
  const servers = world.nodes.map((node) => new Lessee(world, node, store, buckets))
  return { centre: store, ask: (arrival, answer) => servers[arrival.node]?.ask(arrival, answer) }
}

interface Waiting {
  readonly arrival: Arrival
  readonly answer: (outcome: Outcome) => void
}

interface Lease {
  tokens: number
  lapsesAtMs: number
  /** Checks that wait for the store; undefined while it is not being asked. */
  waiting: Waiting[] | undefined
}

/** One server's side: its leases, by key. */
class Lessee {
  readonly #world: World
  readonly #client: StoreClient
  readonly #stored: Buckets
  readonly #safe: Buckets
  readonly #leases = new Map<string, Lease>()

  constructor(world: World, self: Place, store: Place, stored: Buckets) {
    this.#world = world
    this.#client = new StoreClient(world, self, store)
    this.#stored = stored
    this.#safe = world.buckets(1 / world.options.nodes)
  }

  ask(arrival: Arrival, answer: (outcome: Outcome) => void): void {
    const lease = this.#lease(arrival.key)
    if (this.#spend(lease, arrival)) {
      answer('allowed')
      return
    }
    // One question to the store at a time: whoever comes meanwhile shares the answer.
    if (lease.waiting !== undefined) lease.waiting.push({ arrival, answer })
    else this.#renew(lease, [{ arrival, answer }])
  }

  #renew(lease: Lease, waiting: Waiting[]): void {
    const [first] = waiting
    if (first === undefined) return
    lease.waiting = waiting
    const { key, cost } = first.arrival
    const missing = cost - lease.tokens
    this.#client.ask(
      () => this.#grant(key, missing),
      (granted) => {
        const settling = lease.waiting ?? []
        lease.waiting = undefined
        if (granted === undefined) this.#goAlone(settling)
        else this.#granted(lease, granted, settling)
      },
    )
  }

  /** In the store: as much of a lease as there is, nothing if that is not even the `missing` tokens. */
  #grant(key: string, missing: number): number {
    const { nowMs, options } = this.#world
    const bucket = this.#stored.of(key)
    const granted = Math.min(bucket.roomAt(nowMs), Math.max(missing, options.leases.tokens))
    if (granted < missing) return 0
    bucket.charge(granted, nowMs)
    return granted
  }

  #granted(lease: Lease, granted: number, settling: readonly Waiting[]): void {
    if (granted > 0) {
      this.#lapse(lease)
      lease.tokens += granted
      lease.lapsesAtMs = this.#world.nowMs + this.#world.options.leases.ttlMs
    }
    const unserved = settling.filter(({ arrival, answer }) => {
      if (!this.#spend(lease, arrival)) return true
      answer('allowed')
      return false
    })
    // A store that gave nothing has nothing for the others either; one that gave something may give more.
    if (granted > 0) this.#renew(lease, unserved)
    else for (const { answer } of unserved) answer('refused')
  }

  #goAlone(settling: readonly Waiting[]): void {
    const { nowMs } = this.#world
    for (const { arrival, answer } of settling) {
      const allowed = this.#safe.of(arrival.key).take(arrival.cost, nowMs)
      if (allowed) this.#world.admit(arrival)
      answer(outcomeOf(allowed))
    }
  }

  #spend(lease: Lease, arrival: Arrival): boolean {
    this.#lapse(lease)
    if (lease.tokens < arrival.cost) return false
    lease.tokens -= arrival.cost
    this.#world.admit(arrival)
    return true
  }

  #lapse(lease: Lease): void {
    if (this.#world.nowMs >= lease.lapsesAtMs) lease.tokens = 0
  }

  #lease(key: string): Lease {
    let lease = this.#leases.get(key)
    if (lease === undefined) {
      lease = { tokens: 0, lapsesAtMs: 0, waiting: undefined }
      this.#leases.set(key, lease)
    }
    return lease
  }
}
