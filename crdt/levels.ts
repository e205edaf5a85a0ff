/**
 * Exact levels of one rule's buckets, as the node that decided their keys leaves them, in flat numbers:
 *
 *     entry = hash high, hash low, then for each of the rule's limits: level, fold      in units of the limit
 *
 * The fold is what the counts known to that node come to: whoever knows of more admissions adds what they
 * raise the fold by.
 */
export interface LevelsBlock {
  readonly rule: string
  /** For each limit: units of a token, units that drain in a millisecond, units of the burst. */
  readonly meters: readonly number[]
  readonly entries: readonly number[]
}
