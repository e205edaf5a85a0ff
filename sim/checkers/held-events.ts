import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { meterOf } from './meter.ts'
import type { Held } from './sample.ts'
import type { TrueKey } from './truth.ts'

/** The events that a node knows of, and what they amount to at its present time. Tokens. */
export interface HeldEvents {
  /** The ideal meter of exactly these events, each at the time at which its actor says it was. */
  readonly trueLevel: number
  /** The highest that meter ever was. */
  readonly peakLevel: number
  /** Whether a meter that starts full and moves every event to its slice's end was empty on the way. */
  readonly wasEmpty: boolean
}

/**
 * Finds out which admissions a node holds. A count says how many tokens of a slice it knows: those are the
 * actor's first ones, for counts are absolute and only grow. Undefined if it holds what never was.
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
  const { limit, oldest, nowMs } = held
  const events: { readonly atMs: number; readonly cost: number }[] = []
  for (const ring of held.rings) {
    const left = [...ring.tokens]
    const actor = key.actor(ring)
    if (actor !== undefined) {
      for (
        let at = firstOf(actor.timesMs, oldest * limit.sliceMs);
        at < actor.timesMs.length;
        at++
      ) {
        const atMs = actor.timesMs[at] as number
        const cost = actor.costs[at] as number
        const slice = Math.floor(atMs / limit.sliceMs) - oldest
        if ((left[slice] ?? 0) < cost) continue
        left[slice] = (left[slice] as number) - cost
        events.push({ atMs: Math.min(atMs, nowMs), cost })
      }
    }
    if (left.some((tokens) => tokens > 0)) return undefined
  }
  events.sort((a, b) => a.atMs - b.atMs)
  const policy = key.policies[held.limitIndex] as LimitPolicy
  const meter = meterOf(policy)
  let peakLevel = 0
  for (const { atMs, cost } of events) peakLevel = Math.max(peakLevel, meter.pass(atMs, cost))
  return { trueLevel: meter.levelAt(nowMs), peakLevel, wasEmpty: wasEmpty(held, policy) }
}

/** The first of these times, which never go back, that is not before `fromMs`. */
function firstOf(timesMs: readonly number[], fromMs: number): number {
  let at = timesMs.length
  while (at > 0 && (timesMs[at - 1] as number) >= fromMs) at -= 1
  return at
}

function wasEmpty({ limit, oldest, newest, nowMs, rings }: Held, policy: LimitPolicy): boolean {
  const perMs = policy.rate.count / policy.rate.periodMs
  let level = policy.burst
  let cursorMs = Math.min(oldest * limit.sliceMs, nowMs)
  for (let slice = oldest; slice <= newest; slice++) {
    const endMs = Math.min((slice + 1) * limit.sliceMs, nowMs)
    level -= perMs * (endMs - cursorMs)
    if (level <= 0) return true
    cursorMs = endMs
    for (const { tokens } of rings) level += tokens[slice - oldest] as number
  }
  return false
}
