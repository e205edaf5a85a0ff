import type { ForwardedDecision, Lease } from '../cluster/message.ts'
import type { Decision } from './limiter/decision.ts'
import type { LimitPolicy } from './limiter/policy.ts'

/** What is sent back to whoever forwarded the check. */
export function forwardedDecision(
  id: number,
  decision: Decision,
  lease?: Lease,
): ForwardedDecision {
  const { limit, remaining, resetMs } = decision
  const isAllowed = decision.type === 'allowed'
  const verdict = isAllowed ? 'allowed' : decision.reason
  const retryAfterMs = isAllowed ? 0 : decision.retryAfterMs
  const delayMs = isAllowed ? decision.delayMs : 0
  return { id, verdict, limit, remaining, retryAfterMs, resetMs, delayMs, lease }
}

/** Sent back where the check names a rule, or a cost, that is not of this node's rules. */
export function undecided(id: number): ForwardedDecision {
  const verdict = 'unknown_rule'
  return { id, verdict, limit: 0, remaining: 0, retryAfterMs: 0, resetMs: 0, delayMs: 0 }
}

/** What came back. The decider may have been given other rules: no answer promises more than `limits`, those of this node. */
export function settledDecision(
  settled: ForwardedDecision,
  limits: readonly LimitPolicy[],
): Decision {
  const { verdict, retryAfterMs, resetMs, delayMs } = settled
  const limit = Math.min(settled.limit, limits.length - 1)
  const remaining = Math.min(settled.remaining, (limits[limit] as LimitPolicy).burst)
  if (verdict === 'allowed') return { type: 'allowed', limit, remaining, resetMs, delayMs }
  const isUndecided = verdict === 'unknown_rule' || verdict === 'moved'
  const reason = isUndecided ? 'over_limit' : verdict
  return { type: 'refused', limit, remaining, resetMs, retryAfterMs, reason }
}
