import { Leases } from '../cluster/leases.ts'
import { LEASES_HELD, REFUSALS_REMEMBERED } from '../cluster/limits.ts'
import type { Lease } from '../cluster/message.ts'
import { Refusals } from '../cluster/refusals.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { DecidedBy } from './limiter/check.ts'
import type { Decision } from './limiter/decision.ts'
import type { KeyHash } from './limiter/key-hash.ts'
import type { Rule } from './limiter/policy.ts'
import type { RuleState } from './limiter/rule-state.ts'

/** A check of a key that another node decides. */
export interface OthersCheck {
  readonly state: RuleState
  readonly key: KeyHash
  readonly cost: number
  readonly owner: NodeId
}

export interface Remembered {
  readonly decision: Decision
  readonly decidedBy: DecidedBy
}

/** What a node knows beforehand of keys that others decide: it answers their checks by leases and remembered refusals. */
export class OriginMemory {
  readonly #refusals: Refusals
  readonly #leases = new Leases(LEASES_HELD)

  /** A refusal is repeated for at most `rememberMs`. */
  constructor(rememberMs: number) {
    this.#refusals = new Refusals(REFUSALS_REMEMBERED, rememberMs)
  }

  /** The answer to a check, if it is known here. */
  recall(check: OthersCheck, nowMs: number): Remembered | undefined {
    const { state, cost } = check
    const leased = state.isLeased && cost > 0 ? this.#spend(check, nowMs) : undefined
    if (leased !== undefined) return { decision: leased, decidedBy: 'lease' }
    const refused = this.#refusal(check, nowMs)
    return refused && { decision: refused, decidedBy: 'cache' }
  }

  /** Tokens of which a lease is wanted beside a check that is about to be forwarded. */
  wanted({ state, key, cost }: OthersCheck, nowMs: number): number | undefined {
    if (!state.isLeased || cost === 0) return undefined
    return this.#leases.wanted(state.rule.name, key.hi, key.lo, nowMs)
  }

  /**
   * A check that was asked for at `askedMs` has been refused. It was decided after that, and on the way since: counted
   * from now the refusal would last too long.
   */
  refused(check: OthersCheck, refusal: Decision, askedMs: number, nowMs: number): void {
    if (refusal.type !== 'refused' || refusal.reason !== 'over_limit') return
    const { state, key, cost } = check
    const { limit, remaining, retryAfterMs, resetMs } = refusal
    const untilMs = askedMs + retryAfterMs
    const known = { limit, remaining, untilMs, fullAtMs: askedMs + resetMs }
    this.#refusals.remember(state.rule.name, key.hi, key.lo, cost, known, nowMs)
  }

  /** The owner has granted a lease beside a decision. */
  granted(
    check: OthersCheck,
    lease: Lease,
    beside: Decision,
    askedMs: number,
    nowMs: number,
  ): void {
    const { state, key, owner } = check
    const { limit, resetMs } = beside
    const { tokens, forMs } = lease
    const fullAtMs = askedMs + resetMs + forMs + drainMs(state.rule, limit, tokens)
    const held = { tokens, forMs, owner, limit, fullAtMs }
    this.#leases.hold(state.rule.name, key.hi, key.lo, held, askedMs, nowMs)
  }

  /** Something was given back: the key may not be refused any more. */
  forgetRefusal(rule: string, hashHi: number, hashLo: number): void {
    this.#refusals.forget(rule, hashHi, hashLo)
  }

  forgetAll(): void {
    this.#refusals.forgetAll()
    this.#leases.forgetAll()
  }

  #spend({ state, key, cost, owner }: OthersCheck, nowMs: number): Decision | undefined {
    const { rule } = state
    const spent = this.#leases.spend(rule.name, key.hi, key.lo, cost, owner, nowMs)
    if (spent === undefined) return undefined
    const { limit, fullAtMs } = spent
    // The owner may have been given other rules: see `settledDecision`.
    const { burst } = rule.limits[limit] as Rule['limits'][number]
    const remaining = Math.min(spent.remaining, burst)
    return { type: 'allowed', limit, remaining, resetMs: Math.max(0, fullAtMs - nowMs), delayMs: 0 }
  }

  #refusal({ state, key, cost }: OthersCheck, nowMs: number): Decision | undefined {
    const refusal = this.#refusals.recall(state.rule.name, key.hi, key.lo, cost, nowMs)
    if (refusal === undefined) return undefined
    const { limit, remaining, untilMs, fullAtMs } = refusal
    const resetMs = Math.max(0, fullAtMs - nowMs)
    const retryAfterMs = untilMs - nowMs
    return { type: 'refused', reason: 'over_limit', limit, remaining, retryAfterMs, resetMs }
  }
}

/** How much longer a limit takes to be whole again with so many tokens more in use; a window ends when it ends. */
function drainMs({ limits }: Rule, index: number, tokens: number): number {
  const { algorithm, rate } = limits[index] as Rule['limits'][number]
  const drains = (algorithm?.type ?? 'token-bucket') === 'token-bucket'
  return drains ? Math.ceil((tokens * rate.periodMs) / rate.count) : 0
}
