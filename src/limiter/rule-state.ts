import type { ActorTable } from './actor-table.ts'
import { decide, penalise, refund, reset, type Weight, WHOLE } from './admission.ts'
import { haveEqualSlices, relimit } from './changed-limits.ts'
import type { Adjustment, CheckRequest, Rejection } from './check.ts'
import type { Decision } from './decision.ts'
import { FormerKeys, type Owns } from './former-keys.ts'
import { type KeyHash, type KeyHasher, ruleHasher } from './key-hash.ts'
import { KeyStore } from './key-store.ts'
import { NO_ROW } from './key-table.ts'
import { isLeasable, type LeaseWish, lease } from './leasing.ts'
import { limitOf } from './limit.ts'
import { type Company, decideByAll, isDecidableByAll, quotaOf, remembering } from './local-mode.ts'
import type { Rule } from './policy.ts'
import { checkMistake, quotaMistake } from './rejection.ts'

export interface RuleStateOptions {
  /** Secret words that place keys; the same on all nodes of a cluster. */
  readonly hashKey: KeyHash
  /** Rows of memory for this rule. */
  readonly keysMax: number
  readonly gossipIntervalMs: number
  /** Share of the smallest burst that may stay unsent before an early flush is asked for. */
  readonly earlyFlushBurstShare: number
}

/** What a rule was until now. Nothing else is to be asked of that any more. */
export interface Predecessor {
  readonly state: RuleState
  readonly owns: Owns
  readonly nowMs: number
}

/** Knows how a node may decide what all nodes decide, if it may at all. */
interface Accompanied {
  company(nowMs: number): Company | undefined
}

/** One rule at work: its limits, its keys' hashes, and its memory. */
export class RuleState {
  readonly rule: Rule
  readonly store: KeyStore
  readonly costMax: number
  /** Whether an admission is told to wait for its turn. */
  readonly isShaping: boolean
  /** Whether other nodes may hold leases of its keys. */
  readonly isLeased: boolean
  /** Whether all nodes decide its keys, each for itself. */
  readonly isLocal: boolean
  readonly #hasher: KeyHasher
  #former: FormerKeys | undefined

  constructor(rule: Rule, actors: ActorTable, options: RuleStateOptions, before?: Predecessor) {
    this.rule = rule
    const known = rule.limits.map((policy) => limitOf(policy, options.gossipIntervalMs))
    this.isLocal = rule.local === true && known.every(isDecidableByAll)
    const limits = this.isLocal ? known.map(remembering) : known
    this.isShaping = limits.some((limit) => limit.isShaping)
    this.isLeased = rule.leases === true && rule.local !== true && limits.every(isLeasable)
    this.costMax = Math.min(...rule.limits.map((policy) => policy.burst))
    const flushTokens = this.costMax * options.earlyFlushBurstShare
    this.#hasher = ruleHasher(options.hashKey, rule.name)
    if (before !== undefined && haveEqualSlices(before.state.store.limits, limits)) {
      this.store = before.state.store
      this.#former = before.state.#former
      relimit(this.store, limits, flushTokens, before.nowMs)
    } else {
      this.store = new KeyStore(limits, options.keysMax, actors, flushTokens)
      this.#former = before?.state.retire(this.store, before.owns)
    }
  }

  /** The keys of a rule that is another from now on, and keeps them in `into`; or that is no more. */
  retire(into: KeyStore | undefined, owns: Owns): FormerKeys {
    return new FormerKeys(this.store, this.#former, into, owns)
  }

  /** Makes what is known of a key by former limits known to these. To be called before anything is asked of it. */
  bring(key: KeyHash, nowMs: number): void {
    this.#former?.bring(key, nowMs)
  }

  /** Lets go of what can no longer matter, looking at `rowsMax` rows. */
  sweep(rowsMax: number, nowMs: number): void {
    this.store.sweep(rowsMax, nowMs)
    this.#former?.sweep(rowsMax, nowMs)
    if (this.#former?.areGone) this.#former = undefined
  }

  hash(key: string): KeyHash {
    return this.#hasher.hash(key)
  }

  /** `cost` is a whole number in `[0, costMax]`; `weight` says how much of the limit is this node's to give. */
  decide(key: KeyHash, cost: number, nowMs: number, weight: Weight = WHOLE): Decision {
    this.bring(key, nowMs)
    const decision = decide(this.store, key, cost, weight, nowMs)
    if (this.isLocal && decision.type === 'allowed') this.#owe(key, cost, 1, nowMs)
    return decision
  }

  /** The same as one of all nodes, who decide each for itself. */
  decideByAll(key: KeyHash, cost: number, company: Company, nowMs: number): Decision {
    this.bring(key, nowMs)
    const decision = decideByAll(this.store, key, cost, this.costMax, company, nowMs)
    if (decision.type === 'allowed' && cost > 0) this.#owe(key, cost, company.members, nowMs)
    return decision
  }

  /** With whom a node decides, if all nodes do and are not so many that nobody could be ahead by a token. */
  company(all: Accompanied, nowMs: number): Company | undefined {
    const company = this.isLocal ? all.company(nowMs) : undefined
    return company === undefined || this.quota(company.members) === 0 ? undefined : company
  }

  /** What is wrong with a check that so many nodes may decide, each for itself. */
  mistake(request: CheckRequest, deciders: number): Rejection | undefined {
    const mistake = checkMistake(request, this.costMax)
    if (mistake !== undefined || deciders === 1 || this.quota(deciders) === 0) return mistake
    return quotaMistake(request, this.quota(deciders), deciders)
  }

  /** Tokens that one of so many nodes may be ahead of the others. */
  quota(members: number): number {
    return quotaOf(this.costMax, members)
  }

  /** What has changed is to be told to all. Half a quota can wait, for more to be told with it. */
  #owe({ hi, lo }: KeyHash, tokens: number, members: number, nowMs: number): void {
    const row = this.store.table.find(hi, lo)
    if (row === NO_ROW) return
    this.store.unacknowledged.add(row, tokens, this.quota(members) / 2, nowMs)
  }

  /** Tokens of a key for another node to give out. Of a key that this node has just decided by the whole limits. */
  lease(key: KeyHash, wish: LeaseWish, nowMs: number): ReturnType<typeof lease> {
    return this.isLeased ? lease(this.store, key, wish, nowMs) : undefined
  }

  /** Does something to a key that no limit can refuse. */
  adjust(action: Adjustment, key: KeyHash, cost: number, nowMs: number, ageMs = 0): Decision {
    this.bring(key, nowMs)
    const decision = this.#adjust(action, key, cost, nowMs, ageMs)
    if (this.isLocal) this.#owe(key, action === 'penalise' ? cost : 0, 1, nowMs)
    return decision
  }

  #adjust(action: Adjustment, key: KeyHash, cost: number, nowMs: number, ageMs: number): Decision {
    switch (action) {
      case 'refund':
        return refund(this.store, key, cost, nowMs)
      case 'undo':
        return refund(this.store, key, cost, nowMs, nowMs - ageMs)
      case 'penalise':
        return penalise(this.store, key, cost, nowMs)
      case 'reset':
        return reset(this.store, key, nowMs)
      default:
        return action satisfies never
    }
  }
}
