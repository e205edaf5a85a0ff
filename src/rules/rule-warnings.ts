import { type Finding, type Path, quote } from '../diagnostic.ts'
import type { LimitPolicy } from '../limiter/policy.ts'
import {
  isTiered,
  type LimitSet,
  type OverrideDefinition,
  type RuleDefinition,
  type RulesDefinition,
  UNLIMITED,
} from './definition.ts'
import type { KeyTemplate } from './key-template.ts'
import { renderLimit } from './limit-text.ts'
import { literalText, matchesText } from './wildcard.ts'

/**
 * What in usable rules has no effect whatever is asked, and so is hardly meant. Only what is certain: a warning
 * that is wrong once is not read the next time.
 */
export function warningFindings(definition: RulesDefinition, nowMs: number): Finding[] {
  const { rules, tiers, overrides } = definition
  return [
    ...rules.flatMap(pathFindings),
    ...rules.flatMap(({ limits }, index) => {
      return isTiered(limits) ? [] : redundantLimits(['rules', `${index}`], limits)
    }),
    ...tiers.flatMap(({ name, limits }) => redundantLimits(['tiers', name], limits)),
    ...overrides.flatMap(({ limits }, index) => redundantLimits(['overrides', `${index}`], limits)),
    ...unusedTiers(definition),
    ...overrides.flatMap((override, index) => expiredFindings(override, index, nowMs)),
    ...shadowedOverrides(overrides),
  ]
}

/** What `pathSegments` takes out of the paths of requests, so that they never fit a pattern that has it. */
const TAKEN_OUT: readonly (readonly [RegExp, string])[] = [
  [/[?#]/, 'paths are compared without query and fragment: remove it'],
  [/%[0-9a-f]{2}/i, 'paths are compared decoded: write the character itself'],
  [/\/(?:\/|\.{1,2}(?:\/|$))/, 'paths are compared without "//", "/./" and "/../": leave them out'],
]

function pathFindings({ match }: RuleDefinition, index: number): Finding[] {
  const text = match?.path?.text ?? ''
  const [, why] = TAKEN_OUT.find(([form]) => form.test(text)) ?? []
  if (why === undefined) return []
  const path = ['rules', `${index}`, 'match', 'path']
  const message = `path ${quote(text)} does not fit what it looks like: ${why}`
  return [{ path, at: 'value', code: 'path_not_normal', message }]
}

/**
 * Of two buckets that every check takes the same cost from, the one that holds no less and refills no slower is
 * never the emptier: it refuses nothing that the other admits. Of two that are equal, the first counts.
 */
function redundantLimits(owner: Path, limits: LimitSet): Finding[] {
  if (limits === UNLIMITED) return []
  return limits.flatMap((limit, index): Finding[] => {
    const stricter = limits.findIndex((other, place) => {
      return place !== index && implies(other, limit) && (place < index || !implies(limit, other))
    })
    const other = limits[stricter]
    if (other === undefined) return []
    const path = [...owner, 'limits', `${index}`]
    const message = `${renderLimit(limit)} refuses nothing that limits[${stricter}], ${renderLimit(other)}, admits: remove it, or make it slower or smaller`
    return [{ path, at: 'value', code: 'limit_redundant', message }]
  })
}

/** Whether whatever the bucket `strict` admits, `loose` admits too. Exact: products of two safe integers. */
function implies(strict: LimitPolicy, loose: LimitPolicy): boolean {
  if (!isTokenBucket(strict) || !isTokenBucket(loose)) return false
  const strictRate = BigInt(strict.rate.count) * BigInt(loose.rate.periodMs)
  const looseRate = BigInt(loose.rate.count) * BigInt(strict.rate.periodMs)
  return strict.burst <= loose.burst && strictRate <= looseRate
}

function isTokenBucket({ algorithm }: LimitPolicy): boolean {
  return algorithm === undefined || algorithm.type === 'token-bucket'
}

function unusedTiers({ rules, tiers }: RulesDefinition): Finding[] {
  const choices = rules.flatMap(({ limits }) => (isTiered(limits) ? [limits] : []))
  return tiers.flatMap(({ name }): Finding[] => {
    const isNamed = choices.some(({ template, fallback }) => {
      return fallback === name || matchesText(patternOf(template), name)
    })
    if (isNamed) return []
    const message = `no rule can name tier ${quote(name)}: remove it, or choose it by a rule's tier or tier_default`
    return [{ path: ['tiers', name], at: 'key', code: 'tier_unused', message }]
  })
}

/** What fits every text that the template can become, and more. */
function patternOf({ parts }: KeyTemplate): string {
  return parts.map((part) => (typeof part === 'string' ? part : '*')).join('')
}

function expiredFindings(
  { expiresMs }: OverrideDefinition,
  index: number,
  nowMs: number,
): Finding[] {
  if (expiresMs === undefined || nowMs < expiresMs) return []
  const path = ['overrides', `${index}`, 'expires']
  const message = `the override has expired at ${new Date(expiresMs).toISOString()}: remove it, or give it a later time`
  return [{ path, at: 'value', code: 'override_expired', message }]
}

/**
 * Patterns with as much text are tried in the order of the file. One that fits another's text, its stars taken
 * as any other character, fits all that the other fits; and it has no more text than that, so it comes first
 * only where both have the same.
 */
function shadowedOverrides(overrides: readonly OverrideDefinition[]): Finding[] {
  const patterns = [...overrides.entries()].filter(([, { key }]) => key.includes('*'))
  return patterns.flatMap(([index, late], at): Finding[] => {
    const first = patterns.slice(0, at).find(([, early]) => {
      const lasts = endOf(early) >= endOf(late)
      const isSameText = literalText(early.key) === literalText(late.key)
      return early.rule === late.rule && lasts && isSameText && matchesText(early.key, late.key)
    })
    if (first === undefined) return []
    const [place, { key }] = first
    const message = `overrides[${place}], for ${quote(key)}, fits all these keys and comes before: put this one above it, or remove one`
    return [
      { path: ['overrides', `${index}`, 'key'], at: 'value', code: 'override_shadowed', message },
    ]
  })
}

function endOf({ expiresMs = Number.POSITIVE_INFINITY }: OverrideDefinition): number {
  return expiresMs
}
