import { ruleHasher } from '../../src/limiter/key-hash.ts'
import { boundedOvershoot } from '../checkers/bounded-overshoot.ts'
import type { Experiment } from '../experiment.ts'
import { keyName } from '../ledger.ts'
import type { Oracle, Violation } from '../oracle.ts'
import { type KeyOutcome, type Outcome, perform } from '../run.ts'
import { hashKeyOf } from '../simulation.ts'
import { boundOf } from './bound.ts'

/** A run, and how it compares with the bound that its faults leave it. */
export interface Judged {
  readonly outcome: Outcome
  /** The key and limit that came nearest to its bound, or went furthest above. */
  readonly tightest: KeyOutcome & { readonly bound: number }
}

/** Performs an experiment before all oracles and that of the bound on its overshoot. */
export function judge(experiment: Experiment, oracles: readonly Oracle[]): Judged {
  const bound = boundOf(experiment)
  const outcome = perform(experiment, [...oracles, boundedOvershoot(bound)])
  const hashKey = hashKeyOf(experiment.seed)
  const bounded = outcome.keys.map((seen) => {
    const { hi, lo } = ruleHasher(hashKey, seen.rule).hash(seen.key)
    return { ...seen, bound: bound(seen.rule, keyName(hi, lo), seen.limit) }
  })
  const nothing = { ...outcome.worst, bound: 0 }
  const tightest = bounded.reduce(
    (worst, seen) => (seen.overshoot - seen.bound > worst.overshoot - worst.bound ? seen : worst),
    bounded[0] ?? nothing,
  )
  return { outcome, tightest }
}

/** Whether a run violated the same invariant, as seen by the same oracle. */
export function violates(
  { violations }: Pick<Outcome, 'violations'>,
  { invariant, oracle }: Pick<Violation, 'invariant' | 'oracle'>,
): boolean {
  return violations.some((found) => found.invariant === invariant && found.oracle === oracle)
}
