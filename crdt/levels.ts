/**
 * Exact levels of one rule's buckets, as the node that decided their keys leaves them, in flat numbers:
 *
 *     entry = hash high, hash low, then for each of the rule's limits: level, fold, age
 *
 * Levels and folds are in units of the limit. The fold is what the counts known to that node come to: whoever
 * knows of more admissions adds what they raise the fold by. The age is how many milliseconds ago the window
 * opened, of limits whose windows open when they are first used, and else 0.
 */
export interface LevelsBlock {
  readonly rule: string
  /** For each limit: units of a token, units that drain in a millisecond, units of the burst. */
  readonly meters: readonly number[]
  readonly entries: readonly number[]
}

/** Numbers of one limit in an entry. */
export const LEVEL_PARTS = 3
