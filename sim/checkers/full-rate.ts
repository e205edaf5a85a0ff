import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import type { LimitPolicy, Rule } from '../../src/limiter/policy.ts'
import { mayOwe } from '../corrections.ts'
import type { Experiment } from '../experiment.ts'
import { LOOK_MS } from '../observer.ts'
import type { Oracle } from '../oracle.ts'
import { drains } from './meter.ts'
import { ringMs } from './ring-length.ts'
import { Troubles } from './troubles.ts'
import { type TrueKey, Truth } from './truth.ts'

/** Over so long a rate is measured. */
const SPAN_MS = 2_000
/** A span holds so many windows, of which it may cut off one in all. */
const WINDOWS = 3
/** Of fewer tokens one more or less says nothing. */
const DUE_MIN = 10
/** Until links are back and nodes hold each other alive again. */
const MENDED_MS = 2_000
/**
 * Of the rate, how much clients get at least while they ask for more. What is missing is lost while
 * refusals are remembered: each origin asks again only when it was told to, a little later than it could.
 */
const SHARE_MIN = 0.8
/** What is asked for all the time, of the rate, so that the bucket never fills. */
const DEMAND_MIN = 1.5

/** A bucket of a token or two is full between two checks that jitter, and what it could have had is lost. */
const BURST_MIN = 5

interface Tally {
  sinceMs: number
  /** Since the last look. */
  asked: number
  /** Since it began. */
  admitted: number
  /** Looks by which enough had been asked. */
  looks: number
}

/**
 * Invariant 16: when everything is mended, a key that is asked for more than its rate all the time is
 * admitted at its rate again, within the length of its ring, n·w. Measured over spans of 2 s in which everybody lives,
 * all paths are open and nothing struck for n·w + 2 s. A window is admitted whole as often as it fits into three
 * periods, but for the two that these cut off. Rules with one limit, unit costs and no penalties can be measured so;
 * full tables and differing clocks or rules are other stories.
 */
export const fullRate: Oracle = {
  invariant: 16,
  name: 'full rate after healing',
  watch(watch) {
    const { world, experiment, found } = watch
    const troubles = Troubles.of(watch)
    const truth = Truth.of(watch)
    const simple = new Set(
      experiment.rules.filter((rule) => isSimple(rule, experiment)).map(({ name }) => name),
    )
    const tallies = new Map<TrueKey, Tally>()
    const gossipIntervalMs = experiment.gossipIntervalMs ?? GOSSIP_INTERVAL_MS
    const judge = (key: TrueKey, policy: LimitPolicy, { sinceMs, looks, admitted }: Tally) => {
      const spanMs = spanOf(policy)
      const due = dueIn(policy, spanMs)
      const wholeMs = troubles.struckMs + MENDED_MS + ringMs(policy, gossipIntervalMs)
      if (sinceMs < wholeMs || looks < Math.floor(spanMs / LOOK_MS) || due < DUE_MIN) return
      if (admitted >= due * SHARE_MIN - 1) return
      found(`of ${key.rule}/${key.name} ${admitted} were admitted in ${spanMs} ms, not ${due}`)
    }
    return {
      asked({ request, action = 'check' }) {
        if (action !== 'check' || !simple.has(request.rule)) return
        const key = truth.ofText(request.rule, request.key)
        if (key !== undefined) tallyOf(tallies, key, world.nowMs).asked += request.cost
      },
      admitted({ rule, key: name, cost }) {
        const key = simple.has(rule) ? truth.ofName(rule, name) : undefined
        if (key !== undefined) tallyOf(tallies, key, world.nowMs).admitted += cost
      },
      look() {
        const isJudged = troubles.isOver && !troubles.clocksDiffer && !troubles.rulesDiffer
        for (const [key, tally] of tallies) {
          const [policy] = key.policies as [LimitPolicy]
          const { rate } = policy
          if (tally.asked >= (DEMAND_MIN * LOOK_MS * rate.count) / rate.periodMs) tally.looks += 1
          tally.asked = 0
          if (world.nowMs - tally.sinceMs < spanOf(policy)) continue
          if (isJudged) judge(key, policy, tally)
          tallies.delete(key)
        }
      },
    }
  },
}

function isSimple({ name, limits }: Rule, { workload }: Experiment): boolean {
  const flows = workload.filter(({ rule }) => rule === name)
  const isSmooth = (limits[0]?.burst ?? 0) >= BURST_MIN && limits.length === 1
  return isSmooth && flows.every(({ cost }) => (cost?.max ?? 1) === 1) && !mayOwe(workload, name)
}

function spanOf(policy: LimitPolicy): number {
  return drains(policy) ? SPAN_MS : Math.max(SPAN_MS, WINDOWS * policy.rate.periodMs)
}

/** Tokens that are admitted in so long, at the least. */
function dueIn(policy: LimitPolicy, spanMs: number): number {
  const { count, periodMs } = policy.rate
  return drains(policy) ? (spanMs * count) / periodMs : (spanMs / periodMs - 1) * count
}

function tallyOf(tallies: Map<TrueKey, Tally>, key: TrueKey, sinceMs: number): Tally {
  let tally = tallies.get(key)
  if (tally === undefined) {
    tally = { sinceMs, asked: 0, admitted: 0, looks: 0 }
    tallies.set(key, tally)
  }
  return tally
}
