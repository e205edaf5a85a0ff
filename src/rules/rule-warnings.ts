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
 * that is wrong once is not read the next time. So nothing is said of a rule that is off: that is a switch.
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

/** What `pathSegments` takes out of paths: only one that was encoded twice would still fit a pattern with it. */
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
 * never the emptier: on exact counts it refuses nothing that the other admits. Of two equals the first counts.
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
 * Patterns with as much text are tried in the order of the file. One that fits all that another fits fits the
 * other's bare text, so it has no more text than that, and comes first only where both have the same. Then it
 * is the wider one if it has a star wherever the other has.
 */
function shadowedOverrides(overrides: readonly OverrideDefinition[]): Finding[] {
  const patterns = [...overrides.entries()]
    .filter(([, { key }]) => key.includes('*'))
    .map(([index, override]) => ({ index, override, stars: starsOf(override.key) }))
  return patterns.flatMap((late, at): Finding[] => {
    const first = patterns.slice(0, at).find((early) => {
      const isSame = early.override.rule === late.override.rule && isSameText(early, late)
      return isSame && lasts(early, late) && [...late.stars].every((star) => early.stars.has(star))
    })
    if (first === undefined) return []
    const path = ['overrides', `${late.index}`, 'key']
    const message = `overrides[${first.index}], for ${quote(first.override.key)}, fits all these keys and comes before: put this one above it, or remove one`
    return [{ path, at: 'value', code: 'override_shadowed', message }]
  })
}

interface Overriding {
  readonly override: OverrideDefinition
}

function isSameText(early: Overriding, late: Overriding): boolean {
  return literalText(early.override.key) === literalText(late.override.key)
}

function lasts(early: Overriding, late: Overriding): boolean {
  const end = ({ override }: Overriding) => override.expiresMs ?? Number.POSITIVE_INFINITY
  return end(early) >= end(late)
}

/** Where a pattern has stars: characters of its text before each. */
function starsOf(key: string): ReadonlySet<number> {
  const stars = new Set<number>()
  let before = 0
  for (const character of key) {
    if (character === '*') stars.add(before)
    else before++
  }
  return stars
}
