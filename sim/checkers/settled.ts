import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { limitOf } from '../../src/limiter/limit.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import type { Watch } from '../oracle.ts'
import { drains, type Meter, meterOf, opensOnUse, slides, slidingMeterOf } from './meter.ts'
import { ringMs } from './ring-length.ts'
import { CALM_AFTER_MS, Troubles } from './troubles.ts'
import type { TrueKey } from './truth.ts'

interface Doubt {
  /** Of each limit one that is not empty before the decider's own level is sure to be exact. */
  readonly meters: readonly Meter[]
  /** What it is about. */
  readonly sinceMs: number
}

/**
 * Of which keys a decider knows the exact level. It does from the start, and loses it by any trouble: whoever
 * takes over works with a fold, which is above the truth by up to B, or with a remembered debt. It is exact again
 *
 *     draining           when a meter that starts that much higher has been empty: then the true one and the
 *                        decider's were, too, and they are equal from then on
 *     aligned, calendar  in the next window
 *     sliding            when the period and the slice that hold the trouble are over, if nothing is given back
 *     else               when nothing has passed for a period and a slice: then no window is open
 *
 * for as long as nothing goes wrong. A debt that is larger than what is remembered of debts is such a trouble; and
 * under a sliding window beside another limit one that no count can tell of, for when it is over only its decider
 * knows.
 *
 * Never of a key that every node decides (`local-mode.ts`): there each decider lacks what others are ahead.
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
  readonly #overdrawnMs = new Map<TrueKey, number>()
  readonly #local: ReadonlySet<string>

  constructor(watch: Watch) {
    this.#watch = watch
    this.#gossipIntervalMs = watch.experiment.gossipIntervalMs ?? GOSSIP_INTERVAL_MS
    this.#troubles = Troubles.of(watch)
    const local = watch.experiment.rules.filter((rule) => rule.local)
    this.#local = new Set(local.map(({ name }) => name))
  }

  /** Whether the experiment is one in which a decider can be exact at all. */
  get isPossible(): boolean {
    const { clocksDiffer, rulesDiffer, hasInflated } = this.#troubles
    return !clocksDiffer && !rulesDiffer && !hasInflated && !this.#hasFullTable()
  }

  /**
   * Whether the level of this key is exact at its decider now. To be asked at every admission and penalty of it,
   * with its cost: before, `passing` 0 will do.
   */
  of(key: TrueKey, passing: number): boolean {
    if (this.#local.has(key.rule)) return false
    const { lastMs, isCalm } = this.#troubles
    const overdrawnMs = this.#overdrawnMs.get(key) ?? Number.NEGATIVE_INFINITY
    if (Math.max(lastMs, overdrawnMs) === Number.NEGATIVE_INFINITY) return true
    if (!isCalm) {
      this.#doubts.delete(key)
      return false
    }
    const sinceMs = Math.max(lastMs + CALM_AFTER_MS, overdrawnMs)
    if ((this.#settledMs.get(key) ?? 0) >= sinceMs) return true
    return this.#doubted(key, passing, sinceMs)
  }

  /** A penalty was written down. */
  owed(key: TrueKey, cost: number): void {
    const atMs = Math.floor(this.#watch.world.nowMs)
    const isBeyond = key.policies.some((policy, index) => {
      const level = (key.meters[index] as Meter).levelAt(atMs)
      if (drains(policy)) return level > policy.burst + this.#drainedMax(policy)
      return level > policy.burst && key.policies.length > 1 && key.policies.some(slides)
    })
    if (isBeyond) this.#overdrawnMs.set(key, this.#watch.world.nowMs)
    else this.of(key, cost)
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

  #doubted(key: TrueKey, passing: number, sinceMs: number): boolean {
    const atMs = Math.floor(this.#watch.world.nowMs)
    let doubt = this.#doubts.get(key)
    if (doubt?.sinceMs !== sinceMs) {
      const meters = key.policies.map((policy) => this.#doubtful(policy, Math.floor(sinceMs)))
      doubt = { meters, sinceMs }
      this.#doubts.set(key, doubt)
    }
    const isOver = key.policies.every((policy, index) => {
      if ((doubt.meters[index] as Meter).levelAt(atMs) > 0) return false
      return !waitsForRest(policy, key) || (key.meters[index] as Meter).levelAt(atMs) <= passing
    })
    if (isOver) {
      this.#doubts.delete(key)
      this.#settledMs.set(key, this.#watch.world.nowMs)
      return true
    }
    if (passing > 0) {
      for (const [index, policy] of key.policies.entries()) {
        if (waitsForRest(policy, key)) doubt.meters[index]?.pass(atMs, passing)
      }
    }
    return false
  }

  #doubtful(policy: LimitPolicy, atMs: number): Meter {
    if (drains(policy)) {
      // A burst above what a debt is capped at: 2·B + R·n·w.
      const meter = meterOf(policy)
      meter.pass(atMs, 2 * policy.burst + this.#drainedMax(policy))
      return meter
    }
    const isAligned = !slides(policy) && !opensOnUse(policy)
    const meter = isAligned ? meterOf(policy) : slidingMeterOf(this.#windowMs(policy))
    meter.pass(atMs, policy.burst)
    return meter
  }

  /** R·n·w. */
  #drainedMax(policy: LimitPolicy): number {
    const { count, periodMs } = policy.rate
    return (ringMs(policy, this.#gossipIntervalMs) * count) / periodMs
  }

  /** A period, and the slice in which it began. */
  #windowMs(policy: LimitPolicy): number {
    return policy.rate.periodMs + limitOf(policy, this.#gossipIntervalMs).sliceMs
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

/**
 * Whether only a rest ends a doubt, and not just time. Of a window that slides the oldest tokens are given back first,
 * whoever gives: one too many that is known to the decider alone stays the newest for as long as others come and go.
 */
function waitsForRest(policy: LimitPolicy, key: TrueKey): boolean {
  return drains(policy) || opensOnUse(policy) || (slides(policy) && key.isGivenBack)
}
