import { type Architecture, type Outcome, outcomeOf } from './architecture.ts'
import { StoreClient } from './store-client.ts'
import type { Arrival } from './workload.ts'
import { type Model, play, type World } from './world.ts'

/**
 * One store holds all buckets, and every check is a script there: Redis with rate-limiter-flexible, redis-cell,
 * Envoy's ratelimit service, upstash. Exact while it answers. When it does not, everything is let through.
 *
 * Simplified: the store decides in no time and never queues; a refused key is asked for again at once (products that
 * cache refusals save messages on it); after the outage its replica knows everything that the store knew.
 */
export const centralStoreOpen: Architecture = {
  name: 'central store, fails open',
  describe: 'one store decides every check; while it is away everything passes (Redis, upstash)',
  inSplit: 'the side with the store is exact, the other side has no limit at all',
  run: (scenario) => play(scenario, (world) => centralStore(world, 'open')),
}

/** The same, but when the store does not answer, nobody passes: the caller gets an error. */
export const centralStoreClosed: Architecture = {
  name: 'central store, fails closed',
  describe:
    'one store decides every check; while it is away every check fails (Redis, rate-limiter-flexible)',
  inSplit: 'the side with the store is exact, the other side is down',
  run: (scenario) => play(scenario, (world) => centralStore(world, 'closed')),
}

function centralStore(world: World, whenAway: 'open' | 'closed'): Model {
  const store = world.addPlace(0)
  const buckets = world.buckets()
  const clients = world.nodes.map((node) => new StoreClient(world, node, store))
  const serve = (arrival: Arrival): boolean => {
    const allowed = buckets.of(arrival.key).take(arrival.cost, world.nowMs)
    if (allowed) world.admit(arrival)
    return allowed
  }
  const withoutStore = (arrival: Arrival): Outcome => {
    if (whenAway === 'closed') return 'failed'
    world.admit(arrival)
    return 'allowed'
  }
  return {
    centre: store,
    ask(arrival, answer) {
      clients[arrival.node]?.ask(
        () => serve(arrival),
        (allowed) => answer(allowed === undefined ? withoutStore(arrival) : outcomeOf(allowed)),
      )
    },
  }
}
