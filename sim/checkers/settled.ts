import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { limitOf } from '../../src/limiter/limit.ts'
import type { Watch } from '../oracle.ts'
import { type Meter, meterOf } from './meter.ts'
import { CALM_AFTER_MS, Troubles } from './troubles.ts'
import type { TrueKey } from './truth.ts'

interface Doubt {
  /** Above whatever a decider may believe. */
  readonly meters: readonly Meter[]
  /** The trouble that it is about. */
  readonly sinceMs: number
}

/**
 * Of which keys a decider knows the exact level. It does from the start, and loses it by any trouble: whoever
 * takes over works with a fold, which is above the truth by up to B, or with a remembered debt. The doubt ends when a meter that starts
 * that much higher has been empty: then the true one and the decider's were, too, and they are equal from
 * then on for as long as nothing goes wrong.
 *
 * Not for experiments in which clocks or rules differ, somebody inflates counts, or a table of keys is too
 * small for all: there an honest decider is exact by its own lights, which are not the oracle's.
 */
export class Settled {
  readonly #troubles: Troubles
  readonly #watch: Watch
  readonly #gossipIntervalMs: number
  readonly #doubts = new Map<TrueKey, Doubt>()
  readonly #settledMs = new Map<TrueKey, number>()

  constructor(watch: Watch) {
    this.#watch = watch
    this.#gossipIntervalMs = watch.experiment.gossipIntervalMs ?? GOSSIP_INTERVAL_MS
    this.#troubles = Troubles.of(watch)
  }

  /** Whether the experiment is one in which a decider can be exact at all. */
  get isPossible(): boolean {
    const { clocksDiffer, rulesDiffer, hasInflated } = this.#troubles
    return !clocksDiffer && !rulesDiffer && !hasInflated && !this.#hasFullTable()
  }

  /**
   * Whether the level of this key is exact at its decider now. To be asked at every admission of it, with
   * its cost: before, `passing` 0 will do.
   */
  of(key: TrueKey, passing: number): boolean {
    const troubles = this.#troubles
    if (troubles.lastMs === Number.NEGATIVE_INFINITY) return true
    if (!troubles.isCalm) {
      this.#doubts.delete(key)
      return false
    }
    if ((this.#settledMs.get(key) ?? 0) > troubles.lastMs) return true
    return this.#doubted(key, passing)
  }

  /**
   * Reports something when the present instant is over, unless it was trouble: a stand-in's answer is seen
   * before what the node says of itself at the end of the turn.
   */
  unlessTrouble(report: () => void): void {
    const { world } = this.#watch
    const { lastMs } = this.#troubles
    const judge = () => {
      if (this.#troubles.lastMs === lastMs) report()
    }
    world.at(world.nowMs, () => world.at(world.nowMs, judge))
  }

  #doubted(key: TrueKey, passing: number): boolean {
    const atMs = Math.floor(this.#watch.world.nowMs)
    const { lastMs } = this.#troubles
    let doubt = this.#doubts.get(key)
    if (doubt?.sinceMs !== lastMs) {
      doubt = { meters: this.#highest(key, Math.floor(lastMs + CALM_AFTER_MS)), sinceMs: lastMs }
      this.#doubts.set(key, doubt)
    }
    const wereEmpty =
      doubt.meters.every((meter) => meter.levelAt(atMs) === 0) &&
      key.meters.every((meter) => meter.levelAt(atMs) <= passing)
    if (wereEmpty) {
      this.#doubts.delete(key)
      this.#settledMs.set(key, atMs)
      return true
    }
    if (passing > 0) for (const meter of doubt.meters) meter.pass(atMs, passing)
    return false
  }

  /** Meters that begin with a burst above what a debt is capped at: 2·B + R·n·w. */
  #highest(key: TrueKey, atMs: number): Meter[] {
    return key.policies.map((policy) => {
      const meter = meterOf(policy)
      const { rate, burst } = policy
      const { slices, sliceMs } = limitOf(policy, this.#gossipIntervalMs)
      meter.pass(atMs, 2 * burst + (slices * sliceMs * rate.count) / rate.periodMs)
      return meter
    })
  }

  #hasFullTable(): boolean {
    const { world } = this.#watch
    for (const id of world.ids) {
      for (const { store } of world.host(id).node.limiter.rules) {
        if (store.table.rowsSeen >= store.table.rowsMax) return true
      }
    }
    return false
  }
}
