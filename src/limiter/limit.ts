import { alignedWindow } from './algorithms/aligned-window.ts'
import { drainingBucket } from './algorithms/draining-bucket.ts'
import { firstHitWindow } from './algorithms/first-hit-window.ts'
import type { Limit } from './algorithms/reckoning.ts'
import { slidingWindow } from './algorithms/sliding-window.ts'
import type { Calendar, LimitPolicy } from './policy.ts'

export type { Limit } from './algorithms/reckoning.ts'

/** The shortest slice, so that a fast limit does not spend its memory on empty time. */
export const SLICE_MS_MIN = 50
/** Slices per time to refill the whole burst: how finely a fold sees the past. */
const SLICES_PER_REFILL = 8
/** Slices kept at least: 2·SLICES_PER_REFILL for the two refills a fold needs, and the ones in progress. */
export const SLICES_MIN = 2 * SLICES_PER_REFILL + 2
/** Slices of a window that may begin at any time: what is admitted too little is at most one of them. */
const SLICES_PER_WINDOW = 32
/** Gossip intervals a count must outlive, so that a late frame still finds its slice. */
export const GOSSIP_INTERVALS_KEPT = 4
/** By so much the clock that wrote a count may be ahead: a ring that has gone with it has let go of as much. */
const AHEAD_MS_MAX = 1_000
/** Slices are numbered from 1970; a calendar's mark on the wire is above the length of any slice. */
const CALENDAR_MARK_MIN = 2 ** 48

/** Whole-number arithmetic for a policy, and the slicing of its counts. */
export function limitOf(policy: LimitPolicy, gossipIntervalMs: number): Limit {
  const { type } = policy.algorithm ?? TOKEN_BUCKET
  switch (type) {
    case 'token-bucket':
    case 'leaky-bucket':
      return drainingLimit(policy, gossipIntervalMs)
    case 'fixed-window':
    case 'calendar-window':
    case 'sliding-window':
    case 'concurrency':
      return windowLimit(policy, gossipIntervalMs)
    default:
      return type satisfies never
  }
}

const TOKEN_BUCKET = { type: 'token-bucket' } as const

/**
 * With rate c/p reduced to lowest terms, a token is p units and c units drain per millisecond.
 *
 *     sliceMs = max(50 ms, (B/R)/8)        slices = max(18, ⌈4·gossipInterval/sliceMs⌉ + 1)
 *
 * which keeps at least twice the refill time and four gossip intervals. A decider admits in a slice at most the
 * burst and what drains meanwhile.
 */
function drainingLimit(policy: LimitPolicy, gossipIntervalMs: number): Limit {
  const { rate, burst } = policy
  const divisor = greatestCommonDivisor(rate.count, rate.periodMs)
  const tokenUnits = rate.periodMs / divisor
  const drainPerMs = rate.count / divisor
  const capacityUnits = burst * tokenUnits
  const sliceMs = Math.max(SLICE_MS_MIN, Math.ceil(capacityUnits / drainPerMs / SLICES_PER_REFILL))
  const slices = Math.max(SLICES_MIN, Math.ceil(keptMs(gossipIntervalMs) / sliceMs) + 1)
  return {
    policy,
    tokenUnits,
    drainPerMs,
    capacityUnits,
    sliceMs,
    slices,
    reckoning: drainingBucket,
    isShaping: policy.algorithm?.type === 'leaky-bucket',
    debtUnitsMax: capacityUnits + drainPerMs * slices * sliceMs,
    countMax: Math.ceil((capacityUnits + drainPerMs * sliceMs) / tokenUnits),
  }
}

/**
 * Nothing drains from a window: a token is one unit. A window that others follow is one slice; one that may begin
 * at any time is 32, of at least 50 ms. What is owed in a window is forgotten with it.
 */
function windowLimit(policy: LimitPolicy, gossipIntervalMs: number): Limit {
  const { rate, algorithm } = policy
  const units = { policy, tokenUnits: 1, drainPerMs: 0, capacityUnits: policy.burst }
  const debtUnitsMax = Number.MAX_SAFE_INTEGER
  const whole = { reckoning: alignedWindow, isShaping: false, debtUnitsMax, countMax: policy.burst }
  if (algorithm?.type === 'calendar-window') {
    const { calendar } = algorithm
    const slices = slicesFor(rate.periodMs, rate.periodMs, gossipIntervalMs)
    return { ...units, ...whole, sliceMs: markOf(calendar), slices, calendar }
  }
  if (algorithm?.type === 'fixed-window' && algorithm.opens === 'aligned') {
    const slices = slicesFor(rate.periodMs, rate.periodMs, gossipIntervalMs)
    return { ...units, ...whole, sliceMs: rate.periodMs, slices }
  }
  const sliceMs = Math.max(SLICE_MS_MIN, Math.ceil(rate.periodMs / SLICES_PER_WINDOW))
  const slices = slicesFor(rate.periodMs, sliceMs, gossipIntervalMs)
  if (algorithm?.type !== 'fixed-window') {
    return { ...units, ...whole, sliceMs, slices, reckoning: slidingWindow }
  }
  // A slice may hold the end of one window, the beginning of another, and short ones between them.
  const countMax = policy.burst * (1 + Math.ceil(sliceMs / rate.periodMs))
  return { ...units, ...whole, sliceMs, slices, reckoning: firstHitWindow, countMax }
}

/** A window, the slices that have begun on either side of it, and what a clock ahead takes away. */
function slicesFor(windowMs: number, sliceMs: number, gossipIntervalMs: number): number {
  const longestMs = Math.max(windowMs, keptMs(gossipIntervalMs))
  return Math.ceil((longestMs + AHEAD_MS_MAX) / sliceMs) + 1
}

function keptMs(gossipIntervalMs: number): number {
  return GOSSIP_INTERVALS_KEPT * gossipIntervalMs
}

/** FNV-1a of the calendar's name: nodes with other calendars do not mix their counts. */
function markOf({ name }: Calendar): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  return CALENDAR_MARK_MIN + (hash >>> 0)
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
