import type { Finding, Path } from '../diagnostic.ts'
import { isTiered, type LimitSet, type RulesDefinition, UNLIMITED } from './definition.ts'

/** What of a rule that every node decides only an owner could do. */
export function localFindings({ rules, tiers, overrides }: RulesDefinition): Finding[] {
  return rules.flatMap((rule, index): Finding[] => {
    if (!rule.local) return []
    const path = ['rules', String(index)]
    const { leases, drainOnDeny, blockMs } = rule
    const fields = { leases, drain_on_deny: drainOnDeny, block: blockMs !== undefined }
    const tables: (readonly [Path, LimitSet])[] = isTiered(rule.limits)
      ? tiers.map(({ name, limits }) => [['tiers', name], limits])
      : [[path, rule.limits]]
    for (const [place, override] of overrides.entries()) {
      if (override.rule !== rule.name) continue
      tables.push([['overrides', String(place)], override.limits])
    }
    return [
      ...Object.entries(fields).flatMap(([field, isSet]): Finding[] => {
        return isSet ? [finding([...path, field], 'key', `${field} needs an owner`)] : []
      }),
      ...tables.flatMap(([owner, limits]) => limitFindings(owner, limits, rule.name)),
    ]
  })
}

function limitFindings(owner: Path, limits: LimitSet, rule: string): Finding[] {
  if (limits === UNLIMITED) return []
  return limits.flatMap(({ algorithm }, index): Finding[] => {
    const type = algorithm?.type ?? 'token-bucket'
    if (type === 'token-bucket') return []
    const message = `algorithm ${type} (rule "${rule}") needs an owner`
    return [finding([...owner, 'limits', String(index)], 'value', message)]
  })
}

function finding(path: Path, at: Finding['at'], what: string): Finding {
  const message = `${what}, and there is none with decided_by: local: remove one of the two`
  return { path, at, code: 'needs_an_owner', message }
}
