import type { RuleAnswer } from '../rule-answer.ts'
import type { Outcome } from './measured-checks.ts'

/** Answers by column: the fields to act by, each with one element for each answer. */
export type Columns = {
  readonly [Field in ColumnField]: RuleAnswer[Field][]
} & { readonly delayMs?: number[] | undefined }

type ColumnField =
  | 'allowed'
  | 'limit'
  | 'remaining'
  | 'retryAfterMs'
  | 'resetMs'
  | 'reason'
  | 'decidedBy'
  | 'consistency'

/**
 * Turns answers into columns. Filled by pushing, because such arrays are packed, and of packed arrays of numbers
 * and words V8's own JSON is twice as fast as a serialiser made for the schema.
 *
 * @throws Error for a check that was rejected: mistakes are to be looked for before anything is decided.
 */
export function columnsOf(outcomes: readonly Outcome[]): Columns {
  const allowed: Columns['allowed'] = []
  const limit: Columns['limit'] = []
  const remaining: Columns['remaining'] = []
  const retryAfterMs: Columns['retryAfterMs'] = []
  const resetMs: Columns['resetMs'] = []
  const reason: Columns['reason'] = []
  const decidedBy: Columns['decidedBy'] = []
  const consistency: Columns['consistency'] = []
  const delayMs: number[] = []
  let isShaped = false
  for (const outcome of outcomes) {
    if (outcome.type === 'rejected') throw new Error(`rejected too late: ${outcome.detail}`)
    allowed.push(outcome.allowed)
    limit.push(outcome.limit)
    remaining.push(outcome.remaining)
    retryAfterMs.push(outcome.retryAfterMs)
    resetMs.push(outcome.resetMs)
    reason.push(outcome.reason)
    decidedBy.push(outcome.decidedBy)
    consistency.push(outcome.consistency)
    delayMs.push(outcome.delayMs ?? 0)
    isShaped ||= outcome.delayMs !== undefined
  }
  const columns = {
    allowed,
    limit,
    remaining,
    retryAfterMs,
    resetMs,
    reason,
    decidedBy,
    consistency,
  }
  return isShaped ? { ...columns, delayMs } : columns
}
