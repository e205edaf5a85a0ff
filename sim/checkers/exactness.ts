import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { limitOf } from '../../src/limiter/limit.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import type { Deed } from '../ledger.ts'
import type { ClientAnswer } from '../observer.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { START_MS } from '../simulation.ts'
import { drainedInLease } from './leases.ts'
import { type Meter, meterOf, slicedMeterOf, slides } from './meter.ts'
import { Settled } from './settled.ts'
import { type TrueKey, Truth } from './truth.ts'

/** What sums of fractions may be off by, in tokens. */
const ROUNDING = 1e-6

/**
 * Invariant 2: in a healthy cluster O = 0, and every refusal is one that the ideal meter of all admissions
 * and penalties would make. Healthy is what `settled.ts` says.
 *
 * The meter runs on whole milliseconds, as deciders do, so an admission has no slack: it may not take the
 * meter above B. A refusal is judged when its client hears of it, which is later than it was made:
 *
 *     the highest X since it was asked + what was given back since + cost > B
 *     … since the slowest answer so far + 1 ms        for one from memory: it was kept until `retryAfterMs`
 *                                                     from when it arrived, not from when it was made
 *     … given back in a gossip interval before that   for one from memory: until then its node may not have heard
 *
 * Of a window that may begin at any time X is by whole slices: its promise is up to one slice's tokens too strict.
 * Of a rule with leases an admission is when a client gets it, and in the X of a refusal are whole leases, when they are
 * granted, and R·(how long they may last): its promise is too strict by what is leased and not given out. What is given
 * back does not lower that X, for it may be leased.
 */
export const exactness: Oracle = {
  invariant: 2,
  name: 'exact while healthy',
  watch(watch) {
    const { world, found, experiment } = watch
    const truth = Truth.of(watch)
    const settled = new Settled(watch)
    const { gossipIntervalMs = GOSSIP_INTERVAL_MS, rules } = experiment
    const strict = new StrictMeters(gossipIntervalMs, rules)
    let slowestMs = 0
    let isPossible = true
    return {
      look() {
        isPossible &&= settled.isPossible
      },
      granted({ rule, key, cost }) {
        const known = truth.ofName(rule, key)
        if (known === undefined) return
        strict.pass(known, world.nowMs, cost)
        settled.of(known, cost)
      },
      admitted({ rule, key, cost, node, lease }) {
        const known = truth.ofName(rule, key)
        if (known === undefined) return
        if (lease === undefined) strict.pass(known, world.nowMs, cost)
        if (!settled.of(known, cost) || !isPossible) return
        const over = excess(watch, known)
        if (over <= ROUNDING || !settled.isPossible) return
        settled.unlessTrouble(() => {
          // What the node was given back earlier in the same turn, it says only now.
          const left = over - known.givenBackSince(world.nowMs)
          if (left <= ROUNDING) return
          found(`${node} admitted ${cost} of ${rule}/${key}, ${left.toFixed(3)} above the burst`)
        })
      },
      adjusted(deed) {
        const known = truth.ofName(deed.rule, deed.key)
        if (known === undefined) return
        strict.adjust(known, deed)
        if (deed.action === 'penalise') settled.owed(known, deed.cost)
      },
      answered(seen) {
        const tookMs = seen.answeredMs - seen.askedMs
        if (tookMs > slowestMs) slowestMs = tookMs
        const { answer, request } = seen
        if (answer.type !== 'answer' || answer.allowed || !isPossible) return
        const known = truth.ofText(request.rule, request.key)
        if (known === undefined || !settled.of(known, 0)) return
        const isRecalled = answer.decidedBy === 'cache'
        const lateMs = isRecalled ? slowestMs + 1 : tookMs
        const backMs = lateMs + (isRecalled ? strict.gossipIntervalMs : 0)
        const room = strict.leastRoom(known, world.nowMs, lateMs, backMs)
        if (room < request.cost || !settled.isPossible) return
        settled.unlessTrouble(() => {
          // What the node admitted earlier in the same turn, it says only now.
          const left = strict.leastRoom(known, world.nowMs, lateMs, backMs)
          if (left >= request.cost) found(describe(seen, left))
        })
      },
    }
  },
}

/** How far the fullest meter is above its burst, in tokens. */
function excess({ world }: Watch, key: TrueKey): number {
  const atMs = Math.floor(world.nowMs)
  return key.policies.reduce((most, { burst }, index) => {
    return Math.max(most, (key.meters[index] as Meter).levelAt(atMs) - burst)
  }, Number.NEGATIVE_INFINITY)
}

/** The most that deciders may see in use: where the counts are all they know, by whole slices. */
class StrictMeters {
  readonly gossipIntervalMs: number
  readonly #sliced = new Map<TrueKey, readonly (Meter | undefined)[]>()
  readonly #leased: ReadonlySet<string>

  constructor(gossipIntervalMs: number, rules: readonly Rule[]) {
    this.gossipIntervalMs = gossipIntervalMs
    this.#leased = new Set(rules.filter(({ leases }) => leases).map(({ name }) => name))
  }

  pass(key: TrueKey, atMs: number, cost: number): void {
    for (const meter of this.#of(key)) meter?.pass(Math.floor(atMs), cost)
  }

  adjust(key: TrueKey, { action, atMs, cost }: Deed): void {
    if (action === 'refund' && this.#leased.has(key.rule)) return
    for (const meter of this.#of(key)) {
      if (action === 'refund') meter?.giveBack(Math.floor(atMs), cost)
      else meter?.owe(Math.floor(atMs), cost)
    }
  }

  /** Room for a check under all limits, at least, so long ago or at any time since; in tokens. */
  leastRoom(key: TrueKey, nowMs: number, lateMs: number, backMs: number): number {
    const atMs = Math.floor(nowMs)
    const sliced = this.#of(key)
    const back = key.givenBackSince(nowMs - backMs - 1)
    return key.policies.reduce((least, policy, index) => {
      const meter = sliced[index] ?? (key.meters[index] as Meter)
      const highest = meter.highestAt(atMs, Math.ceil(lateMs + (lateMs > 0 ? 1 : 0)))
      const late = this.#leased.has(key.rule) ? drainedInLease(policy) : 0
      return Math.min(least, policy.burst - highest - late - back - ROUNDING)
    }, Number.POSITIVE_INFINITY)
  }

  #of(key: TrueKey): readonly (Meter | undefined)[] {
    let sliced = this.#sliced.get(key)
    if (sliced === undefined) {
      sliced = key.policies.map((policy) => {
        if (slides(policy)) {
          return slicedMeterOf(policy, limitOf(policy, this.gossipIntervalMs).sliceMs)
        }
        return this.#leased.has(key.rule) ? meterOf(policy) : undefined
      })
      this.#sliced.set(key, sliced)
    }
    return sliced
  }
}

function describe({ node, request, answer, by, askedMs }: ClientAnswer, room: number): string {
  const { rule, key, cost } = request
  const reason = answer.type === 'answer' ? `${answer.reason} by ${answer.decidedBy} ${by}` : ''
  const at = (askedMs - START_MS).toFixed(1)
  return `${node}, asked at ${at}, refused ${cost} of ${rule}/${key} (${reason}) with room for ${room.toFixed(3)}`
}
