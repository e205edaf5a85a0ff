/** The code when a reply that refuses the question names none: perhaps no node gave it. */
export const UNEXPECTED_ANSWER = 'unexpected_answer'

/**
 * The caller's own mistake, which no failure policy covers: an unknown rule, a cost above the burst, a key
 * that is too long. Nothing was counted.
 */
export class WeirRequestError extends Error {
  /** Stable: the node's own, of docs/reference/errors.md, or `UNEXPECTED_ANSWER`. */
  readonly code: string
  /** What is wrong, where, and how to mend it. */
  readonly detail: string
  /** Of the reply; 400 for a node in this process. Not `status`, which frameworks would answer their own clients with. */
  readonly httpStatus: number

  constructor(code: string, detail: string, httpStatus: number) {
    super(`${code}: ${detail}`)
    this.name = 'WeirRequestError'
    this.code = code
    this.detail = detail
    this.httpStatus = httpStatus
  }
}
