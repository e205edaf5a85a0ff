import { RULE_NAME_BYTES_MAX, RULES_MAX } from '../../cluster/limits.ts'
import { type Finding, type Mistake, type Path, quote } from '../diagnostic.ts'
import type { DiagnosticCode } from '../diagnostic-code.ts'
import { suggestion } from '../suggestion.ts'
import { type LimitSet, type RulesDefinition, UNLIMITED } from './definition.ts'
import { hasVariables, type KeyTemplate, parseKeyTemplate } from './key-template.ts'
import { durationFindings, isMapping, limitFindings, type Mapping } from './limit-mistakes.ts'
import { parseTime } from './time.ts'
import { OVERRIDE_HASH_DIGITS } from './variant.ts'

/**
 * What is wrong with rules beyond the types of their fields. The value may be wrong in any way, so that one
 * mistake does not hide another.
 */
export function meaningFindings(value: unknown): Finding[] {
  if (!isMapping(value)) return []
  const rules = mappingsIn(['rules'], value.rules)
  const tiers = tiersIn(value.tiers)
  const names = rules.flatMap(([, { name }]) => (typeof name === 'string' ? [name] : []))
  const tierNames = tiers.map(([path]) => path.at(-1) ?? '')
  const fallback = isMapping(value.defaults) ? value.defaults.algorithm : undefined
  const algorithm = typeof fallback === 'string' ? fallback : 'token-bucket'
  const overrides = mappingsIn(['overrides'], value.overrides)
  const limited = [...rules, ...tiers, ...overrides]
  return [
    ...limited.flatMap(([path, owner]) =>
      mappingsIn([...path, 'limits'], owner.limits).flatMap(([limitPath, limit]) =>
        limitFindings(limitPath, limit, algorithm),
      ),
    ),
    ...rules.flatMap((rule) => [...ruleFindings(rule), ...tierFindings(rule, tierNames)]),
    ...tiers.flatMap(tierNameFindings),
    ...overrides.flatMap((override) => overrideFindings(override, names)),
    ...repeatedNames(rules),
    ...repeatedKeys(overrides),
    ...tooMany(rules, tierNames.length, overrides.length),
  ]
}

type Located = readonly [path: Path, value: Mapping]

function mappingsIn(path: Path, list: unknown): Located[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((item: unknown, index): Located[] =>
    isMapping(item) ? [[[...path, String(index)], item]] : [],
  )
}

function tiersIn(tiers: unknown): Located[] {
  if (!isMapping(tiers)) return []
  return Object.entries(tiers).flatMap(([name, tier]): Located[] => [
    [['tiers', name], isMapping(tier) ? tier : {}],
  ])
}

function finding(code: DiagnosticCode, path: Path, at: Finding['at'], message: string): Finding {
  return { path, at, code, message }
}

function ruleFindings([path, rule]: Located): Finding[] {
  const findings = [
    ...templateFindings(path, rule),
    ...durationFindings([...path, 'block'], rule.block),
  ]
  if (rule.key === undefined) {
    if (rule.match !== undefined) {
      const mend =
        'say who is limited, such as {"key":"{ip}"}, or {"key":"{rule}"} for all together'
      const message = `missing property "key" of a rule with match: ${mend}`
      findings.push(finding('missing_property', path, 'value', message))
    }
    if (rule.on_missing_key !== undefined) {
      const message = 'on_missing_key without key: add a key, or remove it'
      findings.push(finding('property_alone', [...path, 'on_missing_key'], 'key', message))
    }
  }
  if (rule.limits === undefined && rule.tier === undefined) {
    const message = 'missing property "limits", such as {"limits":[{"rate":"100/s"}]}'
    findings.push(finding('missing_property', path, 'value', message))
  }
  return findings
}

function templateFindings(path: Path, rule: Mapping): Finding[] {
  return (['key', 'on_missing_key', 'tier'] as const).flatMap((field): Finding[] => {
    const text = rule[field]
    if (typeof text !== 'string' || text === '') return []
    if (field === 'on_missing_key' && (text === 'deny' || text === 'skip')) return []
    const template = parseKeyTemplate(text)
    const mistake: Mistake | undefined =
      typeof template === 'string'
        ? { code: 'template_malformed', message: template }
        : withoutVariables(field, template)
    if (mistake === undefined) return []
    const { code, message } = mistake
    return [finding(code, [...path, field], 'value', `${field}: ${message}`)]
  })
}

function withoutVariables(
  field: 'key' | 'on_missing_key' | 'tier',
  template: KeyTemplate,
): Mistake | undefined {
  const { text } = template
  if (field === 'tier' || hasVariables(template)) return undefined
  if (field === 'on_missing_key') {
    const hint = suggestion(text, ['deny', 'skip'])
    const message = `${quote(text)} is neither deny nor skip nor a template with a variable ${hint}`
    return { code: 'unknown_word', message }
  }
  const message = `${quote(text)} has no variable, so that all requests would share one count: write "{${text}}" if it is one, or "{rule}" if that is meant`
  return { code: 'key_without_variable', message }
}

function tierFindings([path, rule]: Located, known: readonly string[]): Finding[] {
  const findings: Finding[] = []
  if (rule.tier === undefined) {
    if (rule.tier_default === undefined) return []
    const message =
      'tier_default without tier: add a tier such as "{descriptor.plan}", or remove it'
    return [finding('property_alone', [...path, 'tier_default'], 'key', message)]
  }
  if (rule.limits !== undefined) {
    const message = 'tier and limits exclude each other: remove one of them'
    findings.push(finding('limits_and_tier', [...path, 'tier'], 'key', message))
  }
  if (rule.tier_default === undefined) {
    const example = JSON.stringify({ tier_default: known[0] ?? 'free' })
    const message = `missing property "tier_default" of a rule with tier, such as ${example}`
    findings.push(finding('missing_property', path, 'value', message))
  }
  const constants = [rule.tier, rule.tier_default].map((text, index) => {
    if (typeof text !== 'string') return undefined
    return index === 0 && /[{}]/.test(text) ? undefined : text
  })
  for (const [index, name] of constants.entries()) {
    if (name === undefined || known.includes(name)) continue
    const hint = known.length === 0 ? '(there is no "tiers": add it)' : suggestion(name, known)
    const field = index === 0 ? 'tier' : 'tier_default'
    const message = `tier ${quote(name)} is not defined ${hint}`
    findings.push(finding('tier_unknown', [...path, field], 'value', message))
  }
  const longest = Math.max(0, ...known.map((name) => Buffer.byteLength(name)))
  return [...findings, ...nameRoom([path, rule], longest, 'its tiers')]
}

function tierNameFindings([path]: Located): Finding[] {
  const name = path.at(-1) ?? ''
  if (/^[a-z0-9][a-z0-9._-]*$/.test(name)) return []
  const message = `tier name ${quote(name)} must be lower-case letters, digits, ".", "_" and "-", beginning with a letter or digit`
  return [finding('malformed_value', path, 'key', message)]
}

/** Nodes speak of `rule@tier` and `rule!hash` by name, and read names of a bounded length. */
function nameRoom([path, { name }]: Located, suffixBytes: number, what: string): Finding[] {
  if (typeof name !== 'string') return []
  const bytes = Buffer.byteLength(name) + 1 + suffixBytes
  if (bytes <= RULE_NAME_BYTES_MAX || Buffer.byteLength(name) > RULE_NAME_BYTES_MAX) return []
  const message = `name is ${bytes - RULE_NAME_BYTES_MAX} too long together with ${what}: shorten it`
  return [finding('rule_name_too_long', [...path, 'name'], 'value', message)]
}

function overrideFindings([path, override]: Located, rules: readonly string[]): Finding[] {
  const findings: Finding[] = []
  const { rule, expires } = override
  if (typeof rule === 'string') {
    const rulePath = [...path, 'rule']
    if (!rules.includes(rule)) {
      const message = `rule ${quote(rule)} is not defined ${suggestion(rule, rules)}`
      findings.push(finding('rule_unknown', rulePath, 'value', message))
    } else if (Buffer.byteLength(rule) + 1 + OVERRIDE_HASH_DIGITS > RULE_NAME_BYTES_MAX) {
      const most = RULE_NAME_BYTES_MAX - 1 - OVERRIDE_HASH_DIGITS
      const message = `the name of a rule with overrides has at most ${most} characters: shorten it`
      findings.push(finding('rule_name_too_long', rulePath, 'value', message))
    }
  }
  if (typeof expires === 'string' && parseTime(expires) === undefined) {
    const message = `expires ${quote(expires)} is not a time: write it such as 2026-12-31T00:00:00Z`
    findings.push(finding('time_malformed', [...path, 'expires'], 'value', message))
  }
  return findings
}

function repeatedNames(rules: readonly Located[]): Finding[] {
  const first = new Map<string, number>()
  return rules.flatMap(([path, { name }]): Finding[] => {
    if (typeof name !== 'string') return []
    const index = Number(path.at(-1))
    const earlier = first.get(name)
    if (earlier === undefined) {
      first.set(name, index)
      return []
    }
    const message = `rule ${quote(name)} is already rules[${earlier}]: rename one, or put both limits into one rule`
    return [finding('rule_repeated', [...path, 'name'], 'value', message)]
  })
}

function repeatedKeys(overrides: readonly Located[]): Finding[] {
  const first = new Map<string, number>()
  return overrides.flatMap(([path, { rule, key }]): Finding[] => {
    if (typeof rule !== 'string' || typeof key !== 'string') return []
    const id = JSON.stringify([rule, key])
    const earlier = first.get(id)
    if (earlier === undefined) {
      first.set(id, Number(path.at(-1)))
      return []
    }
    const message = `key ${quote(key)} of rule ${quote(rule)} is already overrides[${earlier}]: keep one`
    return [finding('override_repeated', [...path, 'key'], 'value', message)]
  })
}

function tooMany(rules: readonly Located[], tiers: number, overrides: number): Finding[] {
  const tiered = rules.filter(([, { tier }]) => tier !== undefined).length
  const tables = rules.length - tiered + tiered * tiers + overrides
  // More rules alone are refused by the schema.
  if (tables <= RULES_MAX || rules.length > RULES_MAX) return []
  const message = `rules with their tiers and overrides make ${tables} tables of keys, and at most ${RULES_MAX} are kept: remove some`
  return [finding('too_many_tables', ['rules'], 'key', message)]
}

/** A cost above a burst could never be allowed. */
export function costFindings({ rules, tiers, overrides }: RulesDefinition): Finding[] {
  const tierBursts = tiers.map(({ limits }) => smallestBurst(limits))
  return rules.flatMap((rule, index) => {
    const own =
      typeof rule.limits === 'object' && 'template' in rule.limits
        ? Math.min(...tierBursts)
        : smallestBurst(rule.limits)
    const findings: Finding[] = []
    const told = (burst: number) =>
      `of ${rule.cost} could never be allowed by a limit of ${burst} at once: lower the cost, or raise the limit`
    if (rule.cost > own) {
      const path = ['rules', String(index), 'cost']
      findings.push(finding('cost_above_burst', path, 'value', `cost ${told(own)}`))
    }
    for (const [place, override] of overrides.entries()) {
      const burst = smallestBurst(override.limits)
      if (override.rule !== rule.name || rule.cost <= burst) continue
      const path = ['overrides', String(place), 'limits']
      const message = `the cost of rule ${quote(rule.name)} ${told(burst)}`
      findings.push(finding('cost_above_burst', path, 'value', message))
    }
    return findings
  })
}

function smallestBurst(limits: LimitSet): number {
  if (limits === UNLIMITED) return Number.POSITIVE_INFINITY
  return Math.min(...limits.map(({ burst }) => burst))
}
