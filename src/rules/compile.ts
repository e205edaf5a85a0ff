import type { Algorithm, LimitPolicy, OnPartition, PartitionWeights } from '../limiter/policy.ts'
import { calendarOf, longestUnitMs, UTC } from './calendar.ts'
import type {
  HeaderFamily,
  LimitSet,
  Mode,
  OverrideDefinition,
  RuleDefinition,
  RulesDefinition,
} from './definition.ts'
import { parseDuration } from './duration.ts'
import { type KeyTemplate, parseKeyTemplate } from './key-template.ts'
import { algorithmOf } from './limit-mistakes.ts'
import { parseRate } from './rate.ts'
import { hostPattern, pathPattern, type RequestPattern } from './request-pattern.ts'
import type { LimitsShape, RuleShape, RulesShape } from './schema.ts'
import { parseTime } from './time.ts'

/** The definitions of a rules file in which nothing is wrong. */
export function compileRules(shape: RulesShape): RulesDefinition {
  const defaults: Defaults = { algorithm: 'token-bucket', ...shape.defaults }
  return {
    rules: shape.rules.map((rule) => ruleOf(rule, defaults)),
    tiers: Object.entries(shape.tiers ?? {}).map(([name, tier]) => ({
      name,
      limits: limitsOf(tier.limits, defaults),
    })),
    overrides: (shape.overrides ?? []).map(({ limits, expires, ...rest }): OverrideDefinition => {
      const expiresMs = expires === undefined ? undefined : checked(parseTime(expires))
      return {
        ...rest,
        limits: limitsOf(limits, defaults),
        ...(expiresMs !== undefined && { expiresMs }),
      }
    }),
  }
}

interface Defaults {
  readonly algorithm: string
  readonly mode?: Mode
  readonly on_partition?: OnPartition
  readonly partition_weights?: PartitionWeights
  readonly headers?: HeaderFamily
}

function ruleOf(rule: RuleShape, defaults: Defaults): RuleDefinition {
  const { name, description, match, key, on_missing_key: missing = 'deny', block } = rule
  const headers = rule.headers ?? defaults.headers
  const onPartition = rule.on_partition ?? defaults.on_partition
  const partitionWeights = rule.partition_weights ?? defaults.partition_weights
  return {
    name,
    ...(description !== undefined && { description }),
    mode: rule.mode ?? defaults.mode ?? 'enforce',
    ...(headers !== undefined && { headers }),
    ...(onPartition !== undefined && { onPartition }),
    ...(partitionWeights !== undefined && { partitionWeights }),
    cost: rule.cost ?? 1,
    ...(rule.leases !== undefined && { leases: rule.leases }),
    ...(rule.decided_by === 'local' && { local: true }),
    drainOnDeny: rule.drain_on_deny ?? false,
    ...(block !== undefined && { blockMs: checked(parseDuration(block)) }),
    ...(match !== undefined && { match: patternOf(match) }),
    ...(key !== undefined && { key: templateOf(key) }),
    onMissingKey: missing === 'deny' || missing === 'skip' ? missing : templateOf(missing),
    limits:
      rule.tier === undefined
        ? limitsOf(checked(rule.limits), defaults)
        : { template: templateOf(rule.tier), fallback: checked(rule.tier_default) },
  }
}

function patternOf(match: NonNullable<RuleShape['match']>): RequestPattern {
  const { method, path, host, descriptor } = match
  return {
    ...(method !== undefined && { methods: typeof method === 'string' ? [method] : method }),
    ...(path !== undefined && { path: pathPattern(path) }),
    ...(host !== undefined && { host: hostPattern(host) }),
    ...(descriptor !== undefined && { descriptors: new Map(Object.entries(descriptor)) }),
  }
}

function limitsOf(limits: LimitsShape, defaults: Defaults): LimitSet {
  if (typeof limits === 'string') return 'unlimited'
  return limits.map((limit) => policyOf(limit, defaults))
}

type LimitShape = Exclude<LimitsShape, string>[number]

function policyOf(limit: LimitShape, defaults: Defaults): LimitPolicy {
  const { rate, burst, timezone = UTC } = limit
  const type = algorithmOf({ ...limit }, defaults.algorithm) as Algorithm['type']
  if (type === 'concurrency') {
    const count = checked(limit.count)
    const periodMs = checked(parseDuration(checked(limit.expires)))
    return { rate: { count, periodMs }, burst: count, algorithm: { type } }
  }
  const parsed = typeof rate === 'string' ? parseRate(rate) : checked(rate)
  if ('code' in parsed) throw new Error(`an unchecked rate: ${parsed.message}`)
  const { count } = parsed
  if ('unit' in parsed) {
    const periodMs = longestUnitMs(parsed.unit, timezone)
    const calendar = calendarOf(parsed.unit, timezone)
    return {
      rate: { count, periodMs },
      burst: count,
      algorithm: { type: 'calendar-window', calendar },
    }
  }
  const policy = { rate: { count, periodMs: parsed.periodMs }, burst: burst ?? count }
  switch (type) {
    case 'token-bucket':
      return policy
    case 'fixed-window':
      return { ...policy, algorithm: { type, opens: limit.opens ?? 'aligned' } }
    case 'leaky-bucket':
    case 'sliding-window':
      return { ...policy, algorithm: { type } }
    case 'calendar-window':
      throw new Error('an unchecked rate of a calendar window')
  }
}

function templateOf(text: string): KeyTemplate {
  const template = parseKeyTemplate(text)
  if (typeof template === 'string') throw new Error(`an unchecked template: ${template}`)
  return template
}

/** What validation has found to be there. */
function checked<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('rules were compiled that had not been validated')
  return value
}
