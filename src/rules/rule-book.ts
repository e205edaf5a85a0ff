import { createHash } from 'node:crypto'
import type { Rule } from '../limiter/policy.ts'
import {
  type Consequence,
  isTiered,
  type LimitSet,
  type Mode,
  type OverrideDefinition,
  type RuleDefinition,
  type RulesDefinition,
  UNLIMITED,
} from './definition.ts'
import { expandKey, expandText } from './key-template.ts'
import { factsOfDescriptors, type RequestFacts } from './request-facts.ts'
import { MatchedFacts, type Mismatch, mismatchOf } from './request-pattern.ts'
import { blockVariant, overrideVariant, tierVariant } from './variant.ts'
import { literalText, matchesText } from './wildcard.ts'

/** One rule that a request falls under. */
export interface Matched {
  readonly rule: RuleDefinition
  /** The core rule that counts. Absent: nothing is counted, because it is unlimited or off. */
  readonly counter?: string
  readonly key: string
  readonly tier?: string
  readonly override?: OverrideDefinition
}

/** A rule that a request does not fall under, and why. */
export interface Unmatched {
  readonly rule: RuleDefinition
  readonly why: Mismatch['why'] | 'off' | 'no_key' | 'key_missing_skip'
  readonly detail: string
}

/** A rule that a request falls under without a value for its key: it is to be denied. */
export interface MissingKey {
  readonly rule: RuleDefinition
  /** The variable without a value, such as `header.x-api-key`. */
  readonly missing: string
}

export interface Resolution {
  readonly matched: readonly Matched[]
  readonly missing: readonly MissingKey[]
  readonly unmatched: readonly Unmatched[]
}

/** A rule with everything that could count for it. */
interface Entry {
  readonly rule: RuleDefinition
  /** Core rules by tier; one that is unlimited is undefined. Of a rule without tiers, under ''. */
  readonly counters: ReadonlyMap<string, string | undefined>
  readonly exact: ReadonlyMap<string, Other>
  /** The longest first. */
  readonly patterns: readonly Other[]
}

interface Other {
  readonly override: OverrideDefinition
  readonly counter: string | undefined
}

const NO_TIER = ''

/** The rules of a file, made ready for requests. Immutable: changed rules are another book. */
export class RuleBook {
  readonly definition: RulesDefinition
  /** Everything the core must hold. */
  readonly coreRules: readonly Rule[]
  /** What follows from a refusal, by core rule; of most rules nothing does. */
  readonly consequences: ReadonlyMap<string, Consequence>
  /** 16 hexadecimal digits, equal for files that say the same. */
  readonly version: string
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #simpleCosts: ReadonlyMap<string, number>

  constructor(definition: RulesDefinition) {
    this.definition = definition
    const coreRules = new Map<string, Rule>()
    const entries = definition.rules.map((rule) => entryOf(rule, definition, coreRules))
    this.#entries = new Map(entries.map((entry) => [entry.rule.name, entry]))
    this.#simpleCosts = new Map(
      entries.filter(isSimple).map(({ rule }) => [rule.name, rule.cost] as const),
    )
    this.consequences = consequencesOf(entries, coreRules)
    this.coreRules = [...coreRules.values()]
    this.version = versionOf(definition)
  }

  get definitions(): readonly RuleDefinition[] {
    return this.definition.rules
  }

  /**
   * What a check costs when it does not say, of a rule that counts every key by the rule's own name and means
   * what it says: no tiers, no overrides, no shadow mode. Undefined for all others; ask `named`.
   */
  simpleCost(rule: string): number | undefined {
    return this.#simpleCosts.get(rule)
  }

  /** The rules that a request falls under by its own facts, in the order of the file. */
  resolve(facts: RequestFacts, nowMs: number): Resolution {
    const matched: Matched[] = []
    const missing: MissingKey[] = []
    const unmatched: Unmatched[] = []
    const request = new MatchedFacts(facts)
    for (const entry of this.#entries.values()) {
      const { rule } = entry
      if (rule.mode === 'off') {
        unmatched.push({ rule, why: 'off', detail: 'the rule is off' })
        continue
      }
      const mismatch = rule.match === undefined ? undefined : mismatchOf(rule.match, request)
      if (mismatch !== undefined) {
        unmatched.push({ rule, ...mismatch })
        continue
      }
      const found = keyOf(rule, facts)
      if (found.type === 'key') matched.push(matchOf(entry, found.key, facts, nowMs))
      else if (found.type === 'missing') missing.push({ rule, missing: found.missing })
      else unmatched.push({ rule, why: found.why, detail: found.detail })
    }
    return { matched, missing, unmatched }
  }

  /**
   * The same rules, whatever their modes: `shadow`, and nobody is denied; `off`, and nothing is counted. Those
   * that are off stay so.
   */
  inMode(mode: Exclude<Mode, 'enforce'>): RuleBook {
    const rules = this.definition.rules.map((rule) => {
      return rule.mode === 'off' ? rule : { ...rule, mode }
    })
    return new RuleBook({ ...this.definition, rules })
  }

  /** For checks that name rule and key themselves. Undefined: there is no such rule. */
  named(
    rule: string,
    key: string,
    descriptor: (name: string) => string | undefined,
    nowMs: number,
  ): Matched | undefined {
    const entry = this.#entries.get(rule)
    return entry && matchOf(entry, key, factsOfDescriptors(descriptor), nowMs)
  }
}

function isSimple({ rule, counters, exact, patterns }: Entry): boolean {
  const isOverridden = exact.size + patterns.length > 0
  if (rule.drainOnDeny || rule.blockMs !== undefined) return false
  return rule.mode === 'enforce' && !isOverridden && counters.get(NO_TIER) === rule.name
}

type FoundKey =
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'missing'; readonly missing: string }
  | { readonly type: 'none'; readonly why: Unmatched['why']; readonly detail: string }

function keyOf({ name, key, onMissingKey }: RuleDefinition, facts: RequestFacts): FoundKey {
  if (key === undefined) {
    return { type: 'none', why: 'no_key', detail: 'checks name the rule and a key themselves' }
  }
  const expansion = expandKey(key, name, facts)
  if (expansion.type === 'key' || onMissingKey === 'deny') return expansion
  if (onMissingKey === 'skip') {
    return { type: 'none', why: 'key_missing_skip', detail: `${expansion.missing} is missing` }
  }
  return expandKey(onMissingKey, name, facts, true)
}

function matchOf(entry: Entry, key: string, facts: RequestFacts, nowMs: number): Matched {
  const { rule } = entry
  const other = overrideOf(entry, key, nowMs)
  if (other !== undefined) {
    const { override, counter } = other
    return { rule, key, override, ...(counter !== undefined && { counter }) }
  }
  const tier = tierOf(entry, facts)
  const counter = entry.counters.get(tier)
  return {
    rule,
    key,
    ...(counter !== undefined && { counter }),
    ...(tier !== NO_TIER && { tier }),
  }
}

function overrideOf({ exact, patterns }: Entry, key: string, nowMs: number): Other | undefined {
  const isValid = ({ override: { expiresMs } }: Other) =>
    expiresMs === undefined || nowMs < expiresMs
  const other = exact.get(key)
  if (other !== undefined && isValid(other)) return other
  return patterns.find((other) => isValid(other) && matchesText(other.override.key, key))
}

function tierOf({ rule, counters }: Entry, facts: RequestFacts): string {
  if (!isTiered(rule.limits)) return NO_TIER
  const expansion = expandText(rule.limits.template, rule.name, facts)
  if (expansion.type === 'key' && counters.has(expansion.key)) return expansion.key
  return rule.limits.fallback
}

function entryOf(
  rule: RuleDefinition,
  { tiers, overrides }: RulesDefinition,
  coreRules: Map<string, Rule>,
): Entry {
  const counterOf = (name: string, limits: LimitSet): string | undefined => {
    if (limits === UNLIMITED || rule.mode === 'off') return undefined
    coreRules.set(name, { name, limits, ...inSplits(rule), ...byWhom(rule) })
    return name
  }
  const counters = isTiered(rule.limits)
    ? tiers.map(({ name, limits }) => {
        return [name, counterOf(tierVariant(rule.name, name), limits)] as const
      })
    : [[NO_TIER, counterOf(rule.name, rule.limits)] as const]
  const others = overrides
    .filter((override) => override.rule === rule.name)
    .map((override): Other => {
      const name = overrideVariant(rule.name, override.key)
      return { override, counter: counterOf(name, override.limits) }
    })
  const isPattern = ({ override }: Other) => override.key.includes('*')
  return {
    rule,
    counters: new Map(counters),
    exact: new Map(others.filter((o) => !isPattern(o)).map((o) => [o.override.key, o])),
    patterns: others
      .filter(isPattern)
      .sort((a, b) => literalText(b.override.key).length - literalText(a.override.key).length),
  }
}

/** What a rule says about splits, for all its tables of keys. */
function inSplits({ onPartition, partitionWeights }: RuleDefinition) {
  return {
    ...(onPartition !== undefined && { onPartition }),
    ...(partitionWeights !== undefined && { partitionWeights }),
  }
}

/** Who decides the keys of all its tables. */
function byWhom({ leases, local }: RuleDefinition) {
  return { ...(leases && LEASED), ...(local && LOCAL) }
}

const LEASED = { leases: true } as const
const LOCAL = { local: true } as const

/** For each rule with a block one core rule more: a token that is back when the block is over. */
function consequencesOf(
  entries: readonly Entry[],
  coreRules: Map<string, Rule>,
): Map<string, Consequence> {
  const consequences = new Map<string, Consequence>()
  for (const { rule, counters, exact, patterns } of entries) {
    const { name, drainOnDeny: drains, blockMs } = rule
    if (!drains && blockMs === undefined) continue
    const block = blockMs === undefined ? undefined : blockVariant(name)
    const others = [...exact.values(), ...patterns].map(({ counter }) => counter)
    const counted = [...counters.values(), ...others].filter((counter) => counter !== undefined)
    if (counted.length === 0) continue
    for (const counter of counted) consequences.set(counter, { drains, ...(block && { block }) })
    if (block === undefined || blockMs === undefined) continue
    const limits = [{ rate: { count: 1, periodMs: blockMs }, burst: 1, algorithm: FIRST_HIT }]
    coreRules.set(block, { name: block, limits, ...inSplits(rule) })
  }
  return consequences
}

const FIRST_HIT = { type: 'fixed-window', opens: 'first-hit' } as const

const VERSION_DIGITS = 16

function versionOf(definition: RulesDefinition): string {
  const canonical = JSON.stringify(definition, (_, value: unknown) => {
    if (value instanceof Map) return [...value]
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    const entries = Object.entries(value)
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  })
  return createHash('sha256').update(canonical).digest('hex').slice(0, VERSION_DIGITS)
}
