import type { LimitPolicy, OnPartition, PartitionWeights } from '../limiter/policy.ts'
import type { KeyTemplate } from './key-template.ts'
import type { RequestPattern } from './request-pattern.ts'

/** What a rules file says of each rule, its defaults filled in. */

/** `shadow`: counted and reported, never denied. `off`: not even counted. */
export const MODES = ['enforce', 'shadow', 'off'] as const
export type Mode = (typeof MODES)[number]

/**
 * Which header fields describe a limit to the client. `draft-11` is the IETF draft of that number; `legacy`
 * is `X-RateLimit-*`. `both` harms clients that take the draft's field for an older one and then ignore the
 * legacy fields beside it.
 */
export const HEADER_FAMILIES = ['draft-11', 'legacy', 'both', 'none'] as const
export type HeaderFamily = (typeof HEADER_FAMILIES)[number]

/** The word for no limit at all; nothing is counted then. */
export const UNLIMITED = 'unlimited'

export type LimitSet = readonly LimitPolicy[] | typeof UNLIMITED

/** Whose limits apply when a rule has tiers. */
export interface TierChoice {
  readonly template: KeyTemplate
  /** The tier of requests for which the template names none that there is. */
  readonly fallback: string
}

export interface RuleDefinition {
  readonly name: string
  readonly description?: string
  readonly mode: Mode
  /** Absent: as the node is told. */
  readonly headers?: HeaderFamily
  readonly onPartition?: OnPartition
  readonly partitionWeights?: PartitionWeights
  /** Whether other nodes may hold leases of hot keys. Absent: no. */
  readonly leases?: boolean
  /** Whether every node decides by itself. Absent: no, an owner does. */
  readonly local?: boolean
  /** Tokens that a check takes when it does not say. */
  readonly cost: number
  /** A refused check takes what there is, so that a client which does not wait finds nothing. */
  readonly drainOnDeny: boolean
  /** After a refusal everything of the key is refused for so long. Absent: not at all. */
  readonly blockMs?: number
  /** Requests that the rule is for. Absent: all that have a key. */
  readonly match?: RequestPattern
  /** Absent: only checks that name the rule and a key. */
  readonly key?: KeyTemplate
  readonly onMissingKey: 'deny' | 'skip' | KeyTemplate
  /** Its own limits, or the tiers to choose from. */
  readonly limits: LimitSet | TierChoice
}

export interface TierDefinition {
  readonly name: string
  readonly limits: LimitSet
}

/** Other limits for some keys of a rule. An exact key beats a pattern, and a longer pattern a shorter. */
export interface OverrideDefinition {
  readonly rule: string
  /** `*` is any text. */
  readonly key: string
  readonly limits: LimitSet
  /** Milliseconds since 1970; from then on the override is not there. Absent: never. */
  readonly expiresMs?: number
  readonly reason?: string
}

/** Everything a rules file says. */
export interface RulesDefinition {
  readonly rules: readonly RuleDefinition[]
  readonly tiers: readonly TierDefinition[]
  readonly overrides: readonly OverrideDefinition[]
}

export function isTiered(limits: RuleDefinition['limits']): limits is TierChoice {
  return typeof limits === 'object' && 'template' in limits
}

/** What follows from a refusal, of the core rules of a rule. */
export interface Consequence {
  /** A refused check takes what there is. */
  readonly drains: boolean
  /** The core rule in which a refused key is marked for as long as it is blocked. */
  readonly block?: string
}
