import type { Company } from '../cluster/in-step.ts'
import { overshootBound, standing, weightOf } from '../cluster/partition-policy.ts'
import type { Replica } from '../cluster/replica.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { Answer, DecidedBy } from './limiter/check.ts'
import type { Decision } from './limiter/decision.ts'
import type { LimitPolicy } from './limiter/policy.ts'
import type { RuleState } from './limiter/rule-state.ts'

type Reliance = Pick<Answer, 'decidedBy' | 'consistency' | 'overshootBound' | 'weight'>

/** Makes answers of decisions: who decided, how far that can be relied on, and how far it can be off. */
export class Answering {
  readonly #self: { readonly id: NodeId; readonly name: string }
  readonly #replica: Replica
  readonly #gossipIntervalMs: number

  constructor(
    self: { readonly id: NodeId; readonly name: string },
    replica: Replica,
    gossipIntervalMs: number,
  ) {
    this.#self = self
    this.#replica = replica
    this.#gossipIntervalMs = gossipIntervalMs
  }

  /** A joiner owns nothing yet, even if it knows no other owner. */
  nameOfDecider(by: NodeId, owner: NodeId): DecidedBy {
    if (by !== this.#self.id) return by === owner ? 'owner' : 'replica'
    const isJoining = this.#replica.membership.self.state === 'joining'
    return by === owner && !isJoining ? 'owner' : this.standInName()
  }

  /** What this node is when it decides for another: one of several that could, or all alone. */
  standInName(): DecidedBy {
    return this.#replica.membership.linkedPeers().length > 0 ? 'replica' : 'local'
  }

  /** What is said to whoever asked, of a decision by any node. */
  answer(
    state: RuleState,
    decision: Decision,
    decidedBy: DecidedBy,
    owner: NodeId,
    nowMs: number,
  ): Answer {
    const reliance = this.#reliance(state, decision, decidedBy, owner, nowMs)
    const policy = state.rule.limits[decision.limit] as LimitPolicy
    return {
      type: 'answer',
      allowed: decision.type === 'allowed',
      rule: state.rule.name,
      limit: policy.burst,
      remaining: decision.remaining,
      retryAfterMs: decision.type === 'refused' ? decision.retryAfterMs : 0,
      resetMs: decision.resetMs,
      reason: decision.type === 'refused' ? decision.reason : 'under_limit',
      decidedBy: reliance.decidedBy,
      consistency: reliance.consistency,
      overshootBound: reliance.overshootBound,
      weight: reliance.weight,
      owner: owner === this.#self.id ? this.#self.name : this.#nameOf(owner),
      node: this.#self.name,
      limitIndex: decision.limit,
      delayMs: decision.type === 'allowed' && state.isShaping ? decision.delayMs : undefined,
    }
  }

  #reliance(
    state: RuleState,
    { limit }: Decision,
    by: DecidedBy,
    owner: NodeId,
    nowMs: number,
  ): Reliance {
    const company = state.company(this.#replica.inStep, nowMs)
    if (company !== undefined) return relianceOnAll(company, state)
    // Where all nodes decide, one that does not yet asks another, and the owner is one like any other.
    const isByAll = state.isLocal && state.quota(this.#replica.inStep.deciders) > 0
    const isByAny = isByAll && by === 'owner' && !this.#replica.copies.isScoped
    const decidedBy = isByAny ? 'replica' : by
    const policy = state.rule.limits[limit] as LimitPolicy
    const standsIn = decidedBy === 'replica' || decidedBy === 'local'
    const isWhole = this.#replica.reaching.isWhole(nowMs)
    // A stand-in decides on counts that may be a gossip interval old.
    const once = standsIn ? policy.burst : 0
    return {
      decidedBy,
      consistency: isWhole ? (standsIn ? 'degraded' : 'exact') : 'partitioned',
      overshootBound: isWhole ? once : once + this.#splitBound(state, policy, nowMs),
      weight:
        isWhole && !standsIn ? 1 : this.#weight(state, standsIn ? owner : this.#self.id, nowMs),
    }
  }

  #nameOf(id: NodeId): string {
    return this.#replica.membership.record(id)?.name ?? id
  }

  /** Of a key that is decided for `owner`: the share of its limits that this side gives out. */
  #weight({ rule }: RuleState, owner: NodeId, nowMs: number): number {
    const reach = this.#replica.reaching.reachFor(owner, nowMs, rule.partitionWeights)
    return weightOf(standing(rule.onPartition ?? 'majority', reach))
  }

  /** Tokens that, while members are out of reach, the rule's policy lets all sides admit above the limit together. */
  #splitBound({ rule }: RuleState, { rate, burst }: LimitPolicy, nowMs: number): number {
    const flow = { tokensPerMs: rate.count / rate.periodMs, burst }
    const policy = rule.onPartition ?? 'majority'
    const reach = this.#replica.reaching.asOwner(nowMs, rule.partitionWeights)
    return overshootBound(policy, reach, flow, this.#gossipIntervalMs)
  }
}

/** Every node decides, and knows what others do but for a quota of each: see `limiter/local-mode.ts`. */
function relianceOnAll({ type, members }: Company, state: RuleState): Reliance {
  const known = members === 1 ? 'exact' : 'degraded'
  return {
    decidedBy: 'local',
    consistency: type === 'together' ? known : 'partitioned',
    overshootBound: (members - 1) * state.quota(members),
    weight: { together: 1, alone: 1 / members, waits: 0 }[type],
  }
}
