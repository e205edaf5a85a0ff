import { createHash } from 'node:crypto'
import { type Problem, problem } from '../http/problem.ts'
import type { HeaderFamily } from '../http/rate-limit-headers.ts'
import { refusalProblem } from '../http/refusal.ts'
import { KEY_BYTES_MAX } from '../limiter/check.ts'
import { type Judge, type Judgement, judgeBy, type LimitAnswer, type Source } from './limiter.ts'

/** How the requests of an app are limited; the same for every framework. */
export interface LimitOptions<Request> {
  /** The name of a rule. */
  readonly rule: string
  /**
   * Who is limited: a user, an API key, an address. A key above 256 bytes, or of none, is replaced by its hash.
   * `undefined`: the request does not say; see `onMissingKey`.
   */
  readonly key: (request: Request) => string | undefined
  /** Tokens that a request takes. Default, also where the function has none: what the rule says. */
  readonly cost?: number | ((request: Request) => number | undefined)
  /** Names and text that the rule may choose its tier by. */
  readonly descriptors?: (request: Request) => Readonly<Record<string, string>>
  /** `true`: this request is not limited. */
  readonly skip?: (request: Request) => boolean
  /** What a request without a key is: refused with 400 (the default), or not limited. */
  readonly onMissingKey?: 'deny' | 'skip'
  /**
   * Header fields on the response. Default: with a client those that the sidecar sends, which knows its
   * rules' families; with a node in this process `draft-11`. A sidecar that sends no draft fields
   * (`legacy`, `none`) cannot have them added here.
   */
  readonly headers?: HeaderFamily
}

/** A request that is not let through, and what it is answered. */
export interface Denial {
  readonly allowed: false
  /** 429; 503 when the limiter cannot count now; 400 when the key is missing. */
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The body, as RFC 9457 problem details. */
  readonly problem: Problem
  /** Absent when the key is missing. */
  readonly answer?: LimitAnswer
}

interface Admission {
  readonly allowed: true
  readonly headers: Readonly<Record<string, string>>
  readonly answer?: LimitAnswer
}

export type Verdict = Admission | Denial

const UNLIMITED: Admission = { allowed: true, headers: {} }

/** Decides whether requests pass; knows nothing of how they came and how they are answered. */
export class Gatekeeper<Request extends object> {
  readonly #options: LimitOptions<Request>
  readonly #judge: Judge

  constructor(source: Source, options: LimitOptions<Request>) {
    this.#options = options
    this.#judge = judgeBy(source, options.headers)
  }

  /** @throws WeirRequestError, at once or later, if the rule or the cost is mistaken. */
  decide(request: Request): Verdict | Promise<Verdict> {
    const { rule, key, cost, descriptors, skip, onMissingKey } = this.#options
    if (skip?.(request) === true) return UNLIMITED
    const text = key(request)
    if (text === undefined) return onMissingKey === 'skip' ? UNLIMITED : keyMissing(rule)
    const judgement = this.#judge({
      rule,
      key: keyOfAnyLength(text),
      cost: typeof cost === 'function' ? cost(request) : cost,
      descriptors: descriptors?.(request),
    })
    return judgement instanceof Promise
      ? judgement.then((settled) => verdictOn(request, settled))
      : verdictOn(request, judgement)
  }
}

const answers = new WeakMap<object, LimitAnswer>()

/** What the limiter said to this request; undefined if it was not asked. For logs, and for handlers that look at the rest. */
export function answerOf(request: object): LimitAnswer | undefined {
  return answers.get(request)
}

function verdictOn(request: object, { answer, headers, policy }: Judgement): Verdict {
  answers.set(request, answer)
  if (answer.allowed) return { allowed: true, headers, answer }
  const refusal = refusalOf(answer, policy)
  return { allowed: false, status: refusal.status, headers, problem: refusal, answer }
}

function refusalOf(answer: LimitAnswer, policy: string): Problem {
  const { reason, retryAfterMs, failure } = answer
  if (failure !== undefined) {
    return problem('overloaded', 'Requests cannot be counted now: retry later.', { retryAfterMs })
  }
  return refusalProblem({ reason, retryAfterMs, policy })
}

function keyMissing(rule: string): Denial {
  const body = problem(
    'key_missing',
    `The request does not say whom the limit "${rule}" is to count: send what identifies you.`,
  )
  return { allowed: false, status: body.status, headers: {}, problem: body }
}

/** Keys often come from clients: a long one must be counted like any other, and so must an empty one. */
function keyOfAnyLength(key: string): string {
  if (key !== '' && Buffer.byteLength(key) <= KEY_BYTES_MAX) return key
  return `sha256:${createHash('sha256').update(key).digest('hex')}`
}

/**
 * A response's field when one limit after the other has something to say: the draft's fields are lists, of
 * all others the last one stands.
 */
export function fieldBeside(name: string, present: unknown, value: string): string {
  const isList = name === 'ratelimit' || name === 'ratelimit-policy'
  return isList && typeof present === 'string' ? `${present}, ${value}` : value
}

/** Runs an app's own code; what goes wrong in it, at once or later, is for the app's error handler. */
export function attempt(work: () => unknown, onError: (error: unknown) => void): void {
  try {
    const result = work()
    if (result instanceof Promise) result.catch(onError)
  } catch (error) {
    onError(error)
  }
}
