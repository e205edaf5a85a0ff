import { sliceAt } from '../../crdt/sliced-counter.ts'
import type { Limit } from '../../src/limiter/limit.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { drains, meterOf, opensOnUse, slicedMeterOf, slides } from './meter.ts'
import type { Held } from './sample.ts'
import type { TrueActor, TrueKey } from './truth.ts'

/** The events that a node knows of, and what they amount to at its present time. Tokens. */
export interface HeldEvents {
  /** The ideal meter of exactly these events, each at the time at which its actor says it was. */
  readonly trueLevel: number
  /** The highest that meter ever was. */
  readonly peakLevel: number
  /**
   * The most that an honest fold makes of them. With S the tokens by whole slices:
   *
   *     draining            the true level + R·slice if a meter that starts full (twice full where all decide) and moves every event to its slice's
   *                         end was empty on the way, else + what it starts at
   *     aligned, calendar   the true level: each window is a slice
   *     sliding, first hit  S of the slices that the last period overlaps
   */
  readonly most: number
}

interface Event {
  readonly atMs: number
  readonly cost: number
}

/**
 * Finds out which admissions a node holds. A count says how many tokens of a slice it knows: those are the
 * actor's first ones, for counts are absolute and only grow. What it knows to have been given back of a slice are
 * the newest in it: then the rest has drained the longest. Undefined if it holds what never was.
 */
export function heldEvents(key: TrueKey, held: Held): HeldEvents | undefined {
  if (known.has(held)) return known.get(held)
  const events = findEvents(key, held)
  known.set(held, events)
  return events
}

/** Several oracles ask about the same look. */
const known = new WeakMap<Held, HeldEvents | undefined>()

function findEvents(key: TrueKey, held: Held): HeldEvents | undefined {
  const slices = eventsBySlice(key, held)
  if (slices === undefined) return undefined
  const back = creditsOf(held)
  const events = slices.flatMap((events, slice) => withoutNewest(events, back[slice] ?? 0))
  events.sort((a, b) => a.atMs - b.atMs)
  const policy = key.policies[held.limitIndex] as LimitPolicy
  const meter = meterOf(policy)
  let peakLevel = 0
  for (const { atMs, cost } of events) peakLevel = Math.max(peakLevel, meter.pass(atMs, cost))
  const trueLevel = meter.levelAt(held.nowMs)
  return { trueLevel, peakLevel, most: trueLevel + slack(held, policy, events, trueLevel, back) }
}

/** Of each slice the events that the node holds, of all actors. */
function eventsBySlice(key: TrueKey, held: Held): Event[][] | undefined {
  const { limit, oldest, newest, nowMs } = held
  const slices = Array.from({ length: newest - oldest + 1 }, (): Event[] => [])
  for (const ring of held.rings) {
    if (ring.credit === true) continue
    const left = [...ring.tokens]
    const actor = key.actor(ring)
    const end = actor?.timesMs.length ?? 0
    for (let at = firstIn(actor, held); at < end; at++) {
      const { timesMs, costs, penalties } = actor as TrueActor
      const atMs = timesMs[at] as number
      const slice = sliceAt(limit, atMs) - oldest
      const room = left[slice] ?? 0
      // Of a penalty only a part may be counted.
      const cost = penalties.has(at) ? Math.min(room, costs[at] as number) : (costs[at] as number)
      if (room < cost || cost === 0) continue
      left[slice] = room - cost
      slices[slice]?.push({ atMs: Math.min(atMs, nowMs), cost })
    }
    if (left.some((tokens) => tokens > 0)) return undefined
  }
  return slices
}

/** The actor's first event in a slice that is held; its times never go back. */
function firstIn(actor: TrueActor | undefined, { limit, oldest }: Held): number {
  const timesMs = actor?.timesMs ?? []
  let at = timesMs.length
  while (at > 0 && sliceAt(limit, timesMs[at - 1] as number) >= oldest) at -= 1
  return at
}

/** Tokens that are known to have been given back of each slice. */
function creditsOf({ rings }: Held): readonly number[] {
  const credits = rings.filter(({ credit }) => credit === true)
  const [first, ...others] = credits.map(({ tokens }) => tokens)
  if (first === undefined) return []
  return first.map((count, slice) => {
    return others.reduce((sum, tokens) => sum + (tokens[slice] as number), count)
  })
}

function withoutNewest(events: readonly Event[], tokens: number): readonly Event[] {
  if (tokens === 0) return events
  const inOrder = [...events].sort((a, b) => a.atMs - b.atMs)
  let left = tokens
  while (left > 0) {
    const newest = inOrder.pop()
    if (newest === undefined) break
    const { atMs, cost } = newest
    if (cost > left) inOrder.push({ atMs, cost: cost - left })
    left -= cost
  }
  return inOrder
}

/** By how much a fold may be above the true level. */
function slack(
  held: Held,
  policy: LimitPolicy,
  events: readonly Event[],
  trueLevel: number,
  back: readonly number[],
): number {
  const { limit, nowMs } = held
  if (drains(policy)) {
    const { rate } = policy
    return wasEmpty(held, policy, back)
      ? (rate.count / rate.periodMs) * limit.sliceMs
      : atHorizon(limit)
  }
  if (!slides(policy) && !opensOnUse(policy)) return 0
  const sliced = slicedMeterOf(policy, limit.sliceMs)
  for (const { atMs, cost } of events) sliced.pass(atMs, cost)
  return sliced.levelAt(nowMs) - trueLevel
}

/** B, or 2·B where that much may have been in use. Tokens. */
function atHorizon({ horizonUnits, capacityUnits, tokenUnits }: Limit): number {
  return (horizonUnits ?? capacityUnits) / tokenUnits
}

function wasEmpty(
  { limit, oldest, newest, nowMs, rings }: Held,
  policy: LimitPolicy,
  back: readonly number[],
): boolean {
  const perMs = policy.rate.count / policy.rate.periodMs
  let level = atHorizon(limit)
  let cursorMs = Math.min(oldest * limit.sliceMs, nowMs)
  for (let slice = oldest; slice <= newest; slice++) {
    const endMs = Math.min((slice + 1) * limit.sliceMs, nowMs)
    level -= perMs * (endMs - cursorMs)
    if (level <= 0) return true
    cursorMs = endMs
    let taken = 0
    for (const { tokens, credit } of rings) {
      if (credit !== true) taken += tokens[slice - oldest] as number
    }
    level += Math.max(0, taken - (back[slice - oldest] ?? 0))
  }
  return false
}
