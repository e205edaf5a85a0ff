import type { WantedBuckets } from '../../crdt/counts.ts'
import { BUCKETS } from '../../crdt/slice-digest.ts'
import type { Limit } from './limit.ts'
import type { RuleState } from './rule-state.ts'

/**
 * A limit whose counts are kept for longer than this is slow: a full bucket given away by a restart of all nodes
 * would hurt for long. Faster ones have forgiven as much by themselves before anybody is back.
 */
export const SLOW_SPAN_MS = 60_000

/** What is worth a snapshot. */
export interface SlowRules {
  /** Rules with a slow limit, whole. */
  readonly wanted: readonly WantedBuckets[]
  /** For how long the slowest of them is kept; 0 without any. */
  readonly spanMs: number
}

export function slowRulesOf(rules: Iterable<RuleState>): SlowRules {
  const wanted: WantedBuckets[] = []
  let longestMs = 0
  for (const { rule, store } of rules) {
    const ruleMs = Math.max(...store.limits.map(spanMs))
    if (ruleMs <= SLOW_SPAN_MS) continue
    longestMs = Math.max(longestMs, ruleMs)
    wanted.push({ rule: rule.name, bits: ALL_BUCKETS })
  }
  return { wanted, spanMs: longestMs }
}

/** For how long counts of the limit are kept. The slices of a calendar are its units. */
function spanMs({ calendar, policy, sliceMs, slices }: Limit): number {
  return slices * (calendar === undefined ? sliceMs : policy.rate.periodMs)
}

const ALL_BUCKETS = new Uint8Array(BUCKETS / 8).fill(0xff)
