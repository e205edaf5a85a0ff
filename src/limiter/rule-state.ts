import type { ActorTable } from './actor-table.ts'
import type { Decision } from './decision.ts'
import { type KeyHash, type KeyHasher, ruleHasher } from './key-hash.ts'
import { KeyStore } from './key-store.ts'
import { type Limit, limitOf } from './limit.ts'
import type { Rule } from './policy.ts'
import { decideTokenBucket } from './token-bucket.ts'
import { Unsent } from './unsent.ts'

export interface RuleStateOptions {
  /** Secret words that place keys; the same on all nodes of a cluster. */
  readonly hashKey: KeyHash
  /** Rows of memory for this rule. */
  readonly keysMax: number
  readonly gossipIntervalMs: number
  /** Share of the smallest burst that may stay unsent before an early flush is asked for. */
  readonly earlyFlushBurstShare: number
}

/** One rule at work: its limits, its keys' hashes, its memory, and what of it is still to be sent. */
export class RuleState {
  readonly rule: Rule
  readonly store: KeyStore
  readonly unsent: Unsent
  readonly costMax: number
  readonly #hasher: KeyHasher

  constructor(rule: Rule, actors: ActorTable, options: RuleStateOptions) {
    this.rule = rule
    const limits: Limit[] = rule.limits.map((policy) => limitOf(policy, options.gossipIntervalMs))
    this.store = new KeyStore(limits, options.keysMax, actors)
    this.costMax = Math.min(...rule.limits.map((policy) => policy.burst))
    this.unsent = new Unsent(this.store.table, this.costMax * options.earlyFlushBurstShare)
    this.#hasher = ruleHasher(options.hashKey, rule.name)
  }

  hash(key: string): KeyHash {
    return this.#hasher.hash(key)
  }

  /** `cost` is a whole number in `[0, costMax]`. */
  decide(key: KeyHash, cost: number, nowMs: number): Decision {
    const decision = decideTokenBucket(this.store, key, cost, nowMs)
    if (decision.type === 'allowed' && cost > 0) {
      this.unsent.add(this.store.table.find(key.hi, key.lo), cost)
    }
    return decision
  }
}
