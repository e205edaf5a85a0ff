import type { Oracle } from '../oracle.ts'
import { bucketSafety, bucketTightness } from './acting-bucket.ts'
import { answeredInTime } from './answered-in-time.ts'
import { answeredOnce } from './answered-once.ts'
import { ceilings } from './ceilings.ts'
import { converged } from './converged.ts'
import { determinism } from './determinism.ts'
import { exactAnswers } from './exact-answers.ts'
import { exactness } from './exactness.ts'
import { foldSafety, foldTightness } from './fold-bounds.ts'
import { fullRate } from './full-rate.ts'
import { hopLimit } from './hop-limit.ts'
import { inStep } from './in-step.ts'
import { laterLives } from './later-lives.ts'
import { leases } from './leases.ts'
import { malformedFrames } from './malformed-frames.ts'
import { membershipTruth } from './membership-truth.ts'
import { mergeLaws } from './merge-laws.ts'
import { monotone } from './monotone.ts'
import { noStarvation } from './no-starvation.ts'
import { onePrimary } from './one-primary.ts'
import { ownCounts } from './own-counts.ts'
import { plausibleCounts } from './plausible-counts.ts'
import { remaining } from './remaining.ts'
import { retryAfter } from './retry-after.ts'
import { singleWriter } from './single-writer.ts'
import { toldTwice } from './told-twice.ts'
import { traffic } from './traffic.ts'
import { weights } from './weights.ts'

/**
 * One oracle for each invariant of docs/guarantees.md that can be judged in any run, in order of number. The
 * first needs a bound (`bounded-overshoot.ts`), and that equal seeds give equal runs takes two of them.
 */
export const ORACLES: readonly Oracle[] = [
  exactness,
  exactAnswers,
  mergeLaws,
  converged,
  foldSafety,
  foldTightness,
  bucketSafety,
  bucketTightness,
  determinism,
  singleWriter,
  monotone,
  ownCounts,
  toldTwice,
  onePrimary,
  hopLimit,
  answeredInTime,
  weights,
  noStarvation,
  fullRate,
  membershipTruth,
  ceilings,
  traffic,
  retryAfter,
  remaining,
  laterLives,
  malformedFrames,
  plausibleCounts,
  answeredOnce,
  leases,
  inStep,
]
