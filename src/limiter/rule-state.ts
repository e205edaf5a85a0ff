import type { ActorTable } from './actor-table.ts'
import { decide, penalise, refund, reset, type Weight, WHOLE } from './admission.ts'
import type { Adjustment } from './check.ts'
import type { Decision } from './decision.ts'
import { type KeyHash, type KeyHasher, ruleHasher } from './key-hash.ts'
import { KeyStore } from './key-store.ts'
import { type Limit, limitOf } from './limit.ts'
import type { Rule } from './policy.ts'

export interface RuleStateOptions {
  /** Secret words that place keys; the same on all nodes of a cluster. */
  readonly hashKey: KeyHash
  /** Rows of memory for this rule. */
  readonly keysMax: number
  readonly gossipIntervalMs: number
  /** Share of the smallest burst that may stay unsent before an early flush is asked for. */
  readonly earlyFlushBurstShare: number
}

/** One rule at work: its limits, its keys' hashes, and its memory. */
export class RuleState {
  readonly rule: Rule
  readonly store: KeyStore
  readonly costMax: number
  /** Whether an admission is told to wait for its turn. */
  readonly isShaping: boolean
  readonly #hasher: KeyHasher

  constructor(rule: Rule, actors: ActorTable, options: RuleStateOptions) {
    this.rule = rule
    const limits: Limit[] = rule.limits.map((policy) => limitOf(policy, options.gossipIntervalMs))
    this.isShaping = limits.some((limit) => limit.isShaping)
    this.costMax = Math.min(...rule.limits.map((policy) => policy.burst))
    const flushTokens = this.costMax * options.earlyFlushBurstShare
    this.store = new KeyStore(limits, options.keysMax, actors, flushTokens)
    this.#hasher = ruleHasher(options.hashKey, rule.name)
  }

  hash(key: string): KeyHash {
    return this.#hasher.hash(key)
  }

  /** `cost` is a whole number in `[0, costMax]`; `weight` says how much of the limit is this node's to give. */
  decide(key: KeyHash, cost: number, nowMs: number, weight: Weight = WHOLE): Decision {
    return decide(this.store, key, cost, weight, nowMs)
  }

  /** Does something to a key that no limit can refuse. */
  adjust(action: Adjustment, key: KeyHash, cost: number, nowMs: number): Decision {
    switch (action) {
      case 'refund':
        return refund(this.store, key, cost, nowMs)
      case 'penalise':
        return penalise(this.store, key, cost, nowMs)
      case 'reset':
        return reset(this.store, key, nowMs)
      default:
        return action satisfies never
    }
  }
}
