import type { NodeId } from '../../crdt/node-id.ts'
import { ACTING, NO_ROW, SURCHARGED } from '../../src/limiter/key-table.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { heldEvents } from './held-events.ts'
import { drainedInLease } from './leases.ts'
import { opensOnUse } from './meter.ts'
import { type Held, Sample, sameRing } from './sample.ts'
import { Troubles } from './troubles.ts'
import { actorOf, type TrueKey } from './truth.ts'

/** Sums of fractions, in tokens. */
const ROUNDING = 1e-6

/**
 * Invariant 5 for the bucket by which an acting owner decides: it is never below the true level of the events
 * that the node holds. What arrives late raises it, too. (Not where that was a debt so large that it has been cut
 * to what drains in the length of the ring.)
 *
 * Counts say in whole tokens what was given back, and where something is owed beside them, as much less as is owed: the
 * bucket may be lower by a token.
 *
 * Not of windows that open when they are used: the counts do not tell these apart, and their decider knows better.
 */
export const bucketSafety: Oracle = {
  invariant: 5,
  name: 'bucket is safe',
  watch(watch) {
    const { found } = watch
    const sample = Sample.of(watch)
    const troubles = Troubles.of(watch)
    return {
      look() {
        const { key, held } = sample
        const isClear = !troubles.clocksDiffer && !troubles.rulesDiffer && !troubles.hasInflated
        if (key === undefined || sample.isNew || !isClear) return
        const one = held[(sample.looks >> 1) % Math.max(1, held.length)]
        const bucket = one === undefined ? undefined : bucketOf(watch, key, one)
        if (one === undefined || bucket === undefined || one.mayHaveForgotten) return
        const events = heldEvents(key, one)
        if (events === undefined || events.peakLevel > debtMax(one)) return
        if (opensOnUse(one.limit.policy)) return
        const { trueLevel } = events
        const untold = one.rings.some(({ credit }) => credit === true) ? 1 : 0
        if (bucket.level >= trueLevel - untold - ROUNDING) return
        found(
          `${one.node} decides ${key.rule}/${key.name} (limit ${one.limitIndex}) from ${bucket.level.toFixed(3)}, below the true ${trueLevel.toFixed(3)}`,
        )
      },
    }
  },
}

/**
 * Invariant 6 for the same bucket: between two looks it rises by no more than what the node has admitted and
 * learnt meanwhile, however often it was told of the same; and by penalties, counted or not.
 *
 * What is leased does not drain before the lease is over: of rules with leases it may rise by what drains meanwhile.
 *
 * Not by what checks weigh beyond their cost in a split, and not when something struck between the looks. A
 * count of a slice ahead of the node's clock moves what a fold sees, so clocks must agree.
 */
export const bucketTightness: Oracle = {
  invariant: 6,
  name: 'bucket is tight',
  watch(watch) {
    const { found, world, experiment } = watch
    const sample = Sample.of(watch)
    const troubles = Troubles.of(watch)
    const leased = new Set(experiment.rules.filter(({ leases }) => leases).map(({ name }) => name))
    let before: readonly Seen[] = []
    return {
      look() {
        const { key, held } = sample
        if (key === undefined || troubles.clocksDiffer || troubles.rulesDiffer) return
        const seen = held.flatMap((one): Seen[] => {
          const bucket = bucketOf(watch, key, one)
          return bucket === undefined
            ? []
            : [{ key, held: one, incarnation: actorOf(world, one.node).incarnation, ...bucket }]
        })
        for (const now of seen) {
          const then = before.find((one) => isSame(one, now))
          if (then === undefined || troubles.lastMs >= then.held.nowMs || now.weighsMore) continue
          const late = leased.has(key.rule) ? drainedInLease(now.held.limit.policy) : 0
          const rise = riseAbove(then, now) - late
          if (rise <= ROUNDING || then.weighsMore || now.held.mayHaveForgotten) continue
          found(
            `${now.held.node} raised its bucket of ${key.rule}/${key.name} (limit ${now.held.limitIndex}) by ${rise.toFixed(3)} more than it admitted and learnt`,
          )
        }
        before = seen
      },
    }
  },
}

interface Bucket {
  /** Tokens. */
  readonly level: number
  /** A share of the limit was enforced, or may have been just after: it holds more than was admitted. */
  readonly weighsMore: boolean
}

interface Seen extends Bucket {
  readonly key: TrueKey
  readonly held: Held
  readonly incarnation: number
}

/** Undefined unless the node is the acting owner. */
function bucketOf({ world }: Watch, key: TrueKey, held: Held): Bucket | undefined {
  const { node } = world.host(held.node as NodeId)
  const store = node.limiter.rule(key.rule)?.store
  const row = store?.table.find(key.hash.hi, key.hash.lo) ?? NO_ROW
  if (store === undefined || row === NO_ROW || !store.table.isMarked(row, ACTING)) return undefined
  const level = store.level(row, held.limitIndex, held.nowMs) / held.limit.tokenUnits
  const isWhole = node.replica.reaching.isWhole(held.nowMs)
  return { level, weighsMore: !isWhole || store.table.isMarked(row, SURCHARGED) }
}

function isSame(then: Seen, now: Seen): boolean {
  return (
    then.key === now.key &&
    then.held.node === now.held.node &&
    then.held.limitIndex === now.held.limitIndex &&
    then.incarnation === now.incarnation
  )
}

/** By how much the level now is above what drained since then, and all that became known since. */
function riseAbove(then: Seen, now: Seen): number {
  const { drainPerMs, tokenUnits } = now.held.limit
  const drained = ((now.held.nowMs - then.held.nowMs) * drainPerMs) / tokenUnits
  const learntOrOwed = learnt(then.held, now.held) + owedBetween(then, now)
  return now.level - Math.max(0, then.level - drained) - learntOrOwed
}

function learnt(then: Held, now: Held): number {
  let tokens = 0
  for (const ring of now.rings) {
    if (ring.credit === true) continue
    const known = sameRing(then.rings, ring)
    ring.tokens.forEach((count, index) => {
      tokens += Math.max(0, count - (known?.tokens[now.oldest + index - then.oldest] ?? 0))
    })
  }
  return tokens
}

/** Penalties of the node itself: some of them may be in no count. */
function owedBetween(then: Seen, now: Seen): number {
  const { incarnation } = now
  const actor = now.key.actor({ node: now.held.node, incarnation })
  if (actor === undefined || actor.penalties.size === 0) return 0
  let tokens = 0
  for (let at = actor.timesMs.length - 1; at >= 0; at--) {
    if ((actor.timesMs[at] as number) < then.held.nowMs) break
    if (actor.penalties.has(at)) tokens += actor.costs[at] as number
  }
  return tokens
}

/** The largest debt that is remembered. */
function debtMax({ limit }: Held): number {
  return limit.debtUnitsMax / limit.tokenUnits
}
