import type { AnswerReason, RuleAnswer } from './rule-answer.ts'
import type { Mode, OverrideDefinition } from './rules/definition.ts'
import type { RequestFacts } from './rules/request-facts.ts'
import type { Unmatched } from './rules/rule-book.ts'
import type { KeyInspection, PartitionInspection, RunningNode } from './running-node.ts'

/** Why a check was answered as it was: what each rule said, and on what counts. */
export interface Explanation {
  /** Everything that was asked, in the order of the rules file. */
  readonly rules: readonly RuleExplanation[]
  /** Of a request that named no rule: those that it does not fall under. */
  readonly unmatched: readonly {
    readonly rule: string
    readonly why: string
    readonly detail: string
  }[]
}

export interface RuleExplanation {
  readonly rule: string
  readonly mode: Mode
  readonly allowed: boolean
  readonly reason: AnswerReason
  /** Absent when the request has none. */
  readonly key?: string
  /** The variable that has no value. */
  readonly missing?: string
  readonly tier?: string
  readonly override?: {
    readonly key: string
    readonly expires?: string
    readonly reason?: string
  }
  /** Names in the order in which they decide; empty when nothing is counted. */
  readonly owners: readonly string[]
  /** Absent when nothing is counted. */
  readonly partition?: PartitionInspection
  readonly limits: readonly LimitExplanation[]
}

export interface LimitExplanation {
  readonly limit: string
  /** Tokens in use, after this check. */
  readonly inUse: number
  /** What each node has admitted, as far as it still weighs. What is drained of it is why the sum may be above `inUse`. */
  readonly nodes: readonly NodeShare[]
}

export interface NodeShare {
  readonly node: string
  readonly tokens: number
  /** Milliseconds since it was last heard: how old the number may be. 0 for this node, null if it never was. */
  readonly heardMsAgo: number | null
}

type Explaining = Pick<RunningNode, 'book' | 'cluster' | 'inspect'>

/** `asked` is the key of a check that named its rule, or the facts of a request that did not. */
export function explain(
  node: Explaining,
  asked: { readonly key: string } | { readonly facts: RequestFacts },
  answer: RuleAnswer,
): Explanation {
  const each = answer.each ?? (answer.reason === 'no_rule' && answer.rule === '' ? [] : [answer])
  const key = 'key' in asked ? asked.key : undefined
  return {
    rules: each.map((one) => ruleExplanation(node, one, one.matched?.key ?? key)),
    unmatched: 'facts' in asked ? unmatched(node, asked.facts) : [],
  }
}

/** Whatever the time: only overrides depend on it. */
function unmatched({ book }: Explaining, facts: RequestFacts): Explanation['unmatched'] {
  return book.resolve(facts, 0).unmatched.map(({ rule, why, detail }: Unmatched) => {
    return { rule: rule.name, why, detail }
  })
}

function ruleExplanation(
  node: Explaining,
  { rule, allowed, reason, missing, matched }: RuleAnswer,
  key: string | undefined,
): RuleExplanation {
  const counter = matched === undefined ? rule : matched.counter
  const isCounted = missing === undefined && counter !== undefined && key !== undefined
  const inspection = isCounted ? node.inspect(counter, key) : undefined
  const held = inspection === undefined || 'type' in inspection ? undefined : inspection
  const definition = node.book.definitions.find(({ name }) => name === rule)
  return {
    rule,
    mode: definition?.mode ?? 'enforce',
    allowed,
    reason,
    ...(missing === undefined ? key !== undefined && { key } : { missing }),
    ...(matched?.tier !== undefined && { tier: matched.tier }),
    ...(matched?.override !== undefined && { override: overrideExplanation(matched.override) }),
    owners: held?.owners ?? [],
    ...(held?.partition !== undefined && { partition: held.partition }),
    limits: held === undefined ? [] : limitExplanations(held, node.cluster().members),
  }
}

function overrideExplanation({ key, expiresMs, reason }: OverrideDefinition) {
  return {
    key,
    ...(expiresMs !== undefined && { expires: new Date(expiresMs).toISOString() }),
    ...(reason !== undefined && { reason }),
  }
}

function limitExplanations(
  { limits }: KeyInspection,
  members: ReturnType<RunningNode['cluster']>['members'],
): LimitExplanation[] {
  const heard = new Map(members.map(({ name, heardMsAgo }) => [name, heardMsAgo]))
  return limits.map(({ limit, level, counts }) => {
    const tokensOf = new Map<string, number>()
    for (const { node, tokens } of counts) tokensOf.set(node, (tokensOf.get(node) ?? 0) + tokens)
    const nodes = [...tokensOf].map(([node, tokens]) => {
      return { node, tokens, heardMsAgo: heard.get(node) ?? null }
    })
    return { limit, inUse: level, nodes: nodes.sort((a, b) => (a.node < b.node ? -1 : 1)) }
  })
}
