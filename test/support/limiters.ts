import type { NodeId } from '../../crdt/node-id.ts'
import { inspectKey } from '../../src/limiter/inspect.ts'
import { Limiter, type LimiterOptions } from '../../src/limiter/limiter.ts'
import type { LimitPolicy, Rule } from '../../src/limiter/policy.ts'
import type { RuleState } from '../../src/limiter/rule-state.ts'

/** A moment in the present, at the start of a slice of every width that tests use. */
export const NOW_MS = 1_700_000_000_000

export function ruleOf(...limits: readonly LimitPolicy[]): Rule {
  return { name: 'rule', limits }
}

export function policyOf(count: number, periodMs: number, burst: number): LimitPolicy {
  return { rate: { count, periodMs }, burst }
}

/** The production limiter of one node, with roomy maxima unless told otherwise. */
export function limiterOf(
  rules: readonly Rule[],
  node = 'n1',
  options: Partial<LimiterOptions> & { readonly incarnation?: number } = {},
): Limiter {
  const { incarnation = 1, ...others } = options
  const self = { node: node as NodeId, incarnation }
  return new Limiter(rules, self, {
    hashKey: { hi: 1, lo: 2 },
    keysMax: 256,
    gossipIntervalMs: 500,
    earlyFlushBurstShare: 0.1,
    aheadMsMax: 1_000,
    numbersMax: 1_000,
    actorsMax: 16,
    rulesMax: 16,
    levelNumbersMax: 4_000,
    ...others,
  })
}

export function stateOf(limiter: Limiter, rule = 'rule'): RuleState {
  const state = limiter.rule(rule)
  if (state === undefined) throw new Error(`no rule ${rule}`)
  return state
}

/** Everything live that a limiter holds of these keys, as comparable text. */
export function liveCounts(
  limiter: Limiter,
  keys: readonly string[],
  nowMs: number,
  rule = 'rule',
): string[] {
  const state = stateOf(limiter, rule)
  return keys.flatMap((key) =>
    inspectKey(state, limiter.actors, state.hash(key), nowMs).flatMap((view, limit) =>
      view.counts.map(
        ({ slice, actor, tokens }) =>
          `${key} ${limit} ${slice} ${actor.node}#${actor.incarnation} ${tokens}`,
      ),
    ),
  )
}
