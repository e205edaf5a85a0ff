import {
  isTiered,
  type LimitSet,
  type OverrideDefinition,
  type RuleDefinition,
  type RulesDefinition,
} from './definition.ts'
import { renderDuration } from './duration.ts'
import { renderLimits } from './limit-text.ts'

/** What becomes different for clients when one rules file takes the place of another: a line for each change. */
export function differences(before: RulesDefinition, after: RulesDefinition): string[] {
  return [
    ...changes(before.rules, after.rules, ({ name }) => `rule ${name}`, aspectsOfRule),
    ...changes(before.tiers, after.tiers, ({ name }) => `tier ${name}`, aspectsOfLimits),
    ...changes(before.overrides, after.overrides, nameOfOverride, aspectsOfOverride),
  ]
}

/** What can be said of a thing, by what it is called; what is not there is not said. */
type Aspects = ReadonlyMap<string, string>

function changes<T>(
  before: readonly T[],
  after: readonly T[],
  nameOf: (thing: T) => string,
  aspectsOf: (thing: T) => Aspects,
): string[] {
  const old = new Map(before.map((thing) => [nameOf(thing), aspectsOf(thing)]))
  const current = new Map(after.map((thing) => [nameOf(thing), aspectsOf(thing)]))
  const removed = [...old.keys()].filter((name) => !current.has(name))
  return [
    ...removed.map((name) => `${name} is removed`),
    ...[...current].flatMap(([name, aspects]) => {
      const earlier = old.get(name)
      return earlier === undefined
        ? [`${name} is added: ${aspects.get('limits')}`]
        : aspectChanges(earlier, aspects).map((change) => `${name}: ${change}`)
    }),
  ]
}

function aspectChanges(before: Aspects, after: Aspects): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [old, current] = [before.get(name), after.get(name)]
    if (old === current) return []
    if (old === undefined) return [`${name} is now ${current}`]
    return [current === undefined ? `${name} is no longer ${old}` : `${name} ${old} -> ${current}`]
  })
}

function aspectsOfRule(rule: RuleDefinition): Aspects {
  const { limits, match, onMissingKey } = rule
  const descriptors = [...(match?.descriptors ?? [])].map(([name, value]) => `${name}=${value}`)
  return said({
    limits: isTiered(limits)
      ? `of tier ${limits.template.text}, else ${limits.fallback}`
      : renderLimits(limits),
    mode: rule.mode,
    methods: match?.methods?.join(', '),
    path: match?.path?.text,
    host: match?.host?.text,
    descriptors: descriptors.length === 0 ? undefined : descriptors.join(', '),
    key: rule.key?.text,
    'missing key': typeof onMissingKey === 'string' ? onMissingKey : onMissingKey.text,
    cost: `${rule.cost}`,
    headers: rule.headers,
    'policy for splits': rule.onPartition ?? 'majority',
    'weights in splits': rule.partitionWeights ?? 'nodes',
    leases: `${rule.leases ?? false}`,
    'decided by': rule.local ? 'local' : 'owner',
    'drain on deny': `${rule.drainOnDeny}`,
    block: rule.blockMs === undefined ? undefined : renderDuration(rule.blockMs),
  })
}

function aspectsOfLimits({ limits }: { readonly limits: LimitSet }): Aspects {
  return said({ limits: renderLimits(limits) })
}

function nameOfOverride({ rule, key }: OverrideDefinition): string {
  return `override of ${rule} for ${JSON.stringify(key)}`
}

function aspectsOfOverride({ limits, expiresMs }: OverrideDefinition): Aspects {
  return said({
    limits: renderLimits(limits),
    expiry: expiresMs === undefined ? 'never' : new Date(expiresMs).toISOString(),
  })
}

function said(aspects: Readonly<Record<string, string | undefined>>): Aspects {
  const entries = Object.entries(aspects)
  return new Map(entries.flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])))
}
