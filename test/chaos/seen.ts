/** One check as its client saw it. Times are milliseconds of the machine's monotonic clock, one for all threads. */
export interface Seen extends Question {
  /** When the check was wanted: nodes that did not answer may have been asked before. */
  readonly wantedMs: number
  /** When the question was sent that was answered. */
  readonly sentMs: number
  readonly doneMs: number
  readonly cost: number
  readonly allowed: boolean
  /** Whether the answer says that a stand-in decided, because the owner did not in time. */
  readonly degraded: boolean
  /** HTTP status of the answer; 0 when no node answered in time. */
  readonly status: number
  /** Questions of this check that were not answered: whoever was asked may have allowed it all the same. */
  readonly unanswered: readonly Question[]
}

export interface Question {
  readonly sentMs: number
  /** When nobody waited for its answer any more. */
  readonly doneMs: number
}

/** The clock of `Seen`. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
