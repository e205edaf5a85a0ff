import type { KeyHash } from './key-hash.ts'
import type { Rule } from './policy.ts'

/** Longest time between reserving and settling, in ms: for so long it is remembered that one was settled. */
export const RESERVATION_MS_MAX = 3_600_000

/**
 * Counts what was settled: one token of a key once, for as long as the reservation could be settled again.
 */
export const SETTLED_RULE: Rule = {
  name: '~settled',
  limits: [
    {
      rate: { count: 1, periodMs: RESERVATION_MS_MAX },
      burst: 1,
      algorithm: { type: 'sliding-window' },
    },
  ],
  // A side of a split that cannot know whether it was settled elsewhere settles it: the tokens were taken.
  onPartition: 'open',
  isInternal: true,
}

/** Everything that a node has to hold to enforce these rules. */
export function withSettlement(rules: readonly Rule[]): readonly Rule[] {
  return [...rules, SETTLED_RULE]
}

/** The key that is used up when a reservation is settled; its owner is that of the reservation's key. */
export function settledKey({
  key,
  nonce,
}: {
  readonly key: KeyHash
  readonly nonce: number
}): KeyHash {
  return { hi: key.hi, lo: nonce }
}
