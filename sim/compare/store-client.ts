import { Breaker } from '../../cluster/breaker.ts'
import type { Place, World } from './world.ts'

/**
 * How one server asks the store: with a timeout, and behind a circuit breaker, so that a dead store costs a wait
 * only now and then. The breaker is Weir's own: 3 misses in a second open it, a refused connection opens it at once,
 * and one check every 250 ms tries again.
 */
export class StoreClient {
  readonly #world: World
  readonly #self: Place
  readonly #store: Place
  readonly #breaker = new Breaker()

  constructor(world: World, self: Place, store: Place) {
    this.#world = world
    this.#self = self
    this.#store = store
  }

  /**
   * `serve` runs in the store when the question arrives; `settled` runs here, once, with what it returned, or with
   * undefined if the store cannot be reached. An answer after the timeout is dropped, what `serve` did stays done.
   */
  ask<T>(serve: () => T, settled: (reply: T | undefined) => void): void {
    const world = this.#world
    const breaker = this.#breaker
    if (!breaker.allows(world.nowMs)) {
      settled(undefined)
      return
    }
    let waiting = true
    const fail = () => {
      waiting = false
      settled(undefined)
    }
    const refused = () => {
      breaker.unlinked(world.nowMs)
      if (waiting) fail()
    }
    const answered = (reply: T) => {
      breaker.answered()
      if (!waiting) return
      waiting = false
      settled(reply)
    }
    const serveAndReply = () => {
      const reply = serve()
      world.send(this.#store, this.#self, () => answered(reply))
    }
    world.send(this.#self, this.#store, serveAndReply, refused)
    world.plan(world.options.store.timeoutMs, () => {
      if (!waiting) return
      breaker.missed(world.nowMs)
      fail()
    })
  }
}
