import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { limitOf } from '../../src/limiter/limit.ts'
import { LOOK_MS } from '../observer.ts'
import type { Oracle } from '../oracle.ts'
import { Troubles } from './troubles.ts'
import { type TrueKey, Truth } from './truth.ts'

/** Over so long a rate is measured. */
const WINDOW_MS = 2_000
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
  /** Since the last look. */
  asked: number
  /** Since the window began. */
  admitted: number
  /** Looks in the window by which enough had been asked. */
  looks: number
}

/**
 * Invariant 16: when everything is mended, a key that is asked for more than its rate all the time is
 * admitted at its rate again, within the length of its ring, n·w. Measured over windows of 2 s in which everybody lives, all
 * paths are open and nothing struck for n·w + 2 s. Rules with one limit and unit costs can be measured so;
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
      experiment.rules
        .filter(({ name, limits }) => {
          const flows = experiment.workload.filter(({ rule }) => rule === name)
          const isSmooth = (limits[0]?.burst ?? 0) >= BURST_MIN
          return (
            isSmooth && limits.length === 1 && flows.every(({ cost }) => (cost?.max ?? 1) === 1)
          )
        })
        .map(({ name }) => name),
    )
    const tallies = new Map<TrueKey, Tally>()
    let sinceMs = world.nowMs
    const ringMs = ringOf(experiment.gossipIntervalMs ?? GOSSIP_INTERVAL_MS)
    return {
      asked({ request }) {
        const key = simple.has(request.rule) ? truth.ofText(request.rule, request.key) : undefined
        if (key !== undefined) tallyOf(tallies, key).asked += request.cost
      },
      admitted({ rule, key: name, cost }) {
        const key = simple.has(rule) ? truth.ofName(rule, name) : undefined
        if (key !== undefined) tallyOf(tallies, key).admitted += cost
      },
      look() {
        for (const [key, tally] of tallies) {
          const [{ rate }] = key.policies as [TrueKey['policies'][number]]
          if (tally.asked >= (DEMAND_MIN * LOOK_MS * rate.count) / rate.periodMs) tally.looks += 1
          tally.asked = 0
        }
        if (world.nowMs - sinceMs < WINDOW_MS) return
        const isJudged = troubles.isOver && !troubles.clocksDiffer && !troubles.rulesDiffer
        for (const [key, { looks, admitted }] of tallies) {
          const [{ rate }] = key.policies as [TrueKey['policies'][number]]
          const due = (WINDOW_MS * rate.count) / rate.periodMs
          const wholeMs = troubles.struckMs + MENDED_MS + ringMs(key)
          if (!isJudged || sinceMs < wholeMs || looks < WINDOW_MS / LOOK_MS || due < 10) continue
          if (admitted >= due * SHARE_MIN - 1) continue
          found(
            `of ${key.rule}/${key.name} ${admitted} were admitted in ${WINDOW_MS} ms, not ${due}`,
          )
        }
        tallies.clear()
        sinceMs = world.nowMs
      },
    }
  },
}

function tallyOf(tallies: Map<TrueKey, Tally>, key: TrueKey): Tally {
  let tally = tallies.get(key)
  if (tally === undefined) {
    tally = { asked: 0, admitted: 0, looks: 0 }
    tallies.set(key, tally)
  }
  return tally
}

function ringOf(gossipIntervalMs: number): (key: TrueKey) => number {
  const known = new Map<TrueKey, number>()
  return (key) => {
    const ms = known.get(key)
    if (ms !== undefined) return ms
    const lengths = key.policies.map((policy) => {
      const { slices, sliceMs } = limitOf(policy, gossipIntervalMs)
      return slices * sliceMs
    })
    const longest = Math.max(0, ...lengths)
    known.set(key, longest)
    return longest
  }
}
