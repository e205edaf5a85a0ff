import type { RejectionCode } from '../limiter/check.ts'
import type { RuleAnswer } from '../rule-answer.ts'
import { type FailureCode, LimiterFailure } from './failure.ts'

/** A node's decision, as it travels. */
export interface Decided
  extends Omit<RuleAnswer, 'type' | 'limitIndex' | 'matched' | 'missing' | 'each'> {
  readonly failure?: undefined
}

/** A decision with the header fields that describe it to the limited client, in lower case. */
export interface NodeAnswer extends Decided {
  /** `ratelimit-policy`, `ratelimit`, `x-ratelimit-*`, `retry-after`: those the node sent. */
  readonly headers: Readonly<Record<string, string>>
}

/** What stands in when the limiter fails: no node decided it, and it has no numbers. */
export interface FallbackAnswer {
  readonly allowed: boolean
  readonly rule: string
  /** `fallback_open` when allowed; `overloaded`, the word for "cannot be counted now", when not. */
  readonly reason: 'fallback_open' | 'overloaded'
  /** 0 when allowed; else milliseconds after which it is worth trying again. */
  readonly retryAfterMs: number
  readonly failure: { readonly code: FailureCode; readonly detail: string }
}

export type ClientAnswer = NodeAnswer | FallbackAnswer
/** In a batch there are no header fields: its checks may be of several rules. */
export type BatchAnswer = Decided | FallbackAnswer | RejectedCheck

/** The caller's mistake in one check of a batch; the others were decided. */
export interface RejectedCheck {
  readonly error: { readonly code: RejectionCode; readonly detail: string }
}

const DESCRIBES_LIMIT = /^(x-)?ratelimit(-|$)|^retry-after$/

/** Of a reply; names in lower case. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>

/** @throws LimiterFailure if no node would answer so. */
export function readAnswer(body: unknown, headers: Headers): NodeAnswer {
  if (!isDecision(body)) throw badAnswer()
  return { ...body, headers: fieldsOfLimit(headers) }
}

/** Those that describe the limit to the limited client. */
export function fieldsOfLimit(headers: Headers): Record<string, string> {
  const fields = Object.entries(headers).filter(([name]) => DESCRIBES_LIMIT.test(name))
  return Object.fromEntries(fields.map(([name, value]) => [name, `${value}`]))
}

/** @throws LimiterFailure if no node would answer so. */
export function readAnswers(body: unknown, count: number): (Decided | RejectedCheck)[] {
  const answers = isObject(body) ? body.answers : undefined
  if (!Array.isArray(answers) || answers.length !== count) throw badAnswer()
  if (!answers.every((answer) => isDecision(answer) || isRejected(answer))) throw badAnswer()
  return answers
}

/** No more than a program must be able to rely on: later versions may say more, or less. */
function isDecision(body: unknown): body is Decided {
  return isObject(body) && typeof body.allowed === 'boolean' && typeof body.reason === 'string'
}

function isRejected(body: unknown): body is RejectedCheck {
  return isObject(body) && isObject(body.error) && typeof body.error.code === 'string'
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function badAnswer(): LimiterFailure {
  return new LimiterFailure(
    'The answer is not one of a Weir node: look at what listens at this address.',
    { code: 'bad_answer' },
  )
}
