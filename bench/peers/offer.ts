import type { Target } from '../load.ts'
import type { Limit, Route } from '../workload.ts'

/** A fixed amount of requests, offered evenly over a time. */
export interface OfferJob {
  readonly to: readonly Target[]
  readonly route: Route
  readonly keys: readonly string[]
  /** Of all keys together. */
  readonly perSecond: number
  readonly durationMs: number
}

/** What became of the requests of a key, or of all: 2xx, 429, and all else. */
export interface Outcomes {
  readonly allowed: number
  readonly refused: number
  readonly failed: number
}

/** Of each key. */
export type Offered = readonly Outcomes[]

const MS_PER_SECOND = 1_000

/** What an exact limiter lets through of more than enough: a full bucket, and what flows into it, in whole tokens. */
export function ideal({ perSecond, burst }: Limit, durationMs: number): number {
  return Math.floor(burst + (perSecond * durationMs) / MS_PER_SECOND)
}

/** Accepted, as a share of what the limit is for all keys. */
export function acceptedShare(offered: Offered, limit: Limit, durationMs: number): number {
  const allowed = offered.reduce((sum, key) => sum + key.allowed, 0)
  return allowed / (offered.length * ideal(limit, durationMs))
}

/** The same of the key that had most. */
export function largestShare(offered: Offered, limit: Limit, durationMs: number): number {
  return Math.max(...offered.map(({ allowed }) => allowed)) / ideal(limit, durationMs)
}

export function failures(offered: Offered): number {
  return offered.reduce((sum, { failed }) => sum + failed, 0)
}

/** What a status says. */
export function outcomeOf(status: number): keyof Outcomes {
  if (status >= 200 && status < 300) return 'allowed'
  return status === 429 ? 'refused' : 'failed'
}

/**
 * Which key is asked of which instance: all keys, then all of them of the next instance, so that each key comes to every
 * instance however many there are of both.
 */
export function turnOf(
  request: number,
  keys: number,
  instances: number,
): { key: number; at: number } {
  return { key: request % keys, at: Math.floor(request / keys) % instances }
}
