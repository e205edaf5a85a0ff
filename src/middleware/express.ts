import type { IncomingMessage, ServerResponse } from 'node:http'
import { PROBLEM_MEDIA_TYPE } from '../http/problem.ts'
import {
  attempt,
  type Denial,
  fieldBeside,
  Gatekeeper,
  type LimitOptions,
  type Verdict,
} from './gatekeeper.ts'
import type { Source } from './limiter.ts'

export { WeirRequestError } from '../client/request-error.ts'
export { answerOf, type Denial, type LimitOptions } from './gatekeeper.ts'
export type { LimitAnswer, Source } from './limiter.ts'

export type RateLimitOptions<Request, Response> = Source &
  LimitOptions<Request> & {
    /** Answers a denied request instead of the problem; status and header fields are set already. */
    readonly onDenied?: (request: Request, response: Response, denial: Denial) => unknown
  }

/** Works wherever a handler takes `(request, response, next)`: Express 4 and 5, Connect. */
export type RateLimit<Request, Response> = (
  request: Request,
  response: Response,
  next: (error?: unknown) => void,
) => void

/**
 * Middleware that lets a request pass as long as its key is within the rule. A mistake in the options, such
 * as a rule that is not there, goes to the app's error handler.
 */
export function rateLimit<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
>(options: RateLimitOptions<Request, Response>): RateLimit<Request, Response> {
  const gatekeeper = new Gatekeeper(options, options)

  return (request, response, next) => {
    const act = (verdict: Verdict) => {
      setFields(response, verdict.headers)
      if (verdict.allowed) next()
      else attempt(() => deny(request, response, verdict), next)
    }
    // Only the decision is guarded: an error of the handlers behind `next` is not the limiter's.
    let verdict: Verdict | Promise<Verdict>
    try {
      verdict = gatekeeper.decide(request)
    } catch (error) {
      next(error)
      return
    }
    if (verdict instanceof Promise) verdict.then(act, next)
    else act(verdict)
  }

  function deny(request: Request, response: Response, denial: Denial): unknown {
    response.statusCode = denial.status
    if (options.onDenied !== undefined) return options.onDenied(request, response, denial)
    response.setHeader('content-type', PROBLEM_MEDIA_TYPE)
    return response.end(JSON.stringify(denial.problem))
  }
}

function setFields(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    response.setHeader(name, fieldBeside(name, response.getHeader(name), value))
  }
}
