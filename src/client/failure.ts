/**
 * Why the limiter gave no answer; docs/reference/client.md explains each:
 * - `unreachable`: no connection, or one that broke.
 * - `deadline`: no answer within `deadlineMs`. The check may have been counted.
 * - `unavailable`: 503, the node is overloaded or going away.
 * - `server_error`: any other status that is not the caller's doing.
 * - `bad_answer`: an answer that no node gives; perhaps something else listens at this address.
 * - `circuit_open`: not asked, because of failures just before or because the node asked for a pause.
 */
export const FAILURE_CODES = [
  'unreachable',
  'deadline',
  'unavailable',
  'server_error',
  'bad_answer',
  'circuit_open',
] as const
export type FailureCode = (typeof FAILURE_CODES)[number]

/** The limiter's failure, never the caller's mistake: it is answered by the failure policy. */
export class LimiterFailure extends Error {
  readonly code: FailureCode
  /** For how long the node asked not to be asked; 0 if it did not say. */
  readonly retryAfterMs: number

  constructor(
    detail: string,
    about: { code: FailureCode; retryAfterMs?: number; cause?: unknown },
  ) {
    super(detail, { cause: about.cause })
    this.name = 'LimiterFailure'
    this.code = about.code
    this.retryAfterMs = about.retryAfterMs ?? 0
  }
}

/** The longest pause that is believed: a longer one would be a proxy's mistake, or an attack. */
export const RETRY_AFTER_MS_MAX = 3_600_000

/** `Retry-After`: whole seconds, or an HTTP date (RFC 9110, section 10.2.3). 0 when absent or neither. */
export function readRetryAfterMs(field: string | undefined, wallMs: number): number {
  if (field === undefined) return 0
  const ms = /^\d+$/.test(field) ? Number(field) * 1_000 : Date.parse(field) - wallMs
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(0, ms), RETRY_AFTER_MS_MAX)
}
