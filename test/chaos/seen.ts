/** One check as its client saw it. Times are milliseconds of the machine's monotonic clock, one for all threads. */
export interface Seen {
  /** When the check was wanted: nodes that did not answer may have been asked before. */
  readonly wantedMs: number
  /** When the question that was answered was sent. */
  readonly sentMs: number
  readonly doneMs: number
  readonly cost: number
  readonly allowed: boolean
  /** HTTP status of the answer; 0 when no node answered in time. */
  readonly status: number
  /** Number of the door that answered. */
  readonly door: number
}

/** The clock of `Seen`. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
