import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { RefusedOrderCode } from '../cluster-orders.ts'
import type { RejectionCode } from '../limiter/check.ts'

/**
 * Every error the doors can answer with, as RFC 9457 problem details. The code is stable and is what a
 * program should look at; docs/reference/errors.md has one entry for each.
 *
 * `type` is `about:blank` (the title is the status' own phrase) but for the two problems that the RateLimit
 * fields draft defines.
 */
export const PROBLEMS = {
  invalid_request: { status: 400 },
  malformed_json: { status: 400 },
  malformed_http: { status: 400 },
  unknown_rule: { status: 400 },
  invalid_cost: { status: 400 },
  invalid_key: { status: 400 },
  key_missing: { status: 400 },
  invalid_reservation: { status: 400 },
  invalid_address: { status: 400 },
  unauthorized: { status: 401 },
  not_found: { status: 404 },
  unknown_member: { status: 404 },
  method_not_allowed: { status: 405 },
  request_timeout: { status: 408 },
  ambiguous_member: { status: 409 },
  member_alive: { status: 409 },
  not_clustered: { status: 409 },
  too_many_seeds: { status: 409 },
  reservation_expired: { status: 410 },
  body_too_large: { status: 413 },
  unsupported_media_type: { status: 415 },
  quota_exceeded: { status: 429, problemType: 'quota-exceeded', title: 'Quota Exceeded' },
  headers_too_large: { status: 431 },
  internal: { status: 500 },
  draining: { status: 503 },
  overloaded: {
    status: 503,
    problemType: 'temporary-reduced-capacity',
    title: 'Temporary Reduced Capacity',
  },
} as const satisfies Record<string, ProblemKind> &
  Record<RejectionCode | RefusedOrderCode, ProblemKind>

export type ProblemCode = keyof typeof PROBLEMS

interface ProblemKind {
  readonly status: number
  /** Name in IANA's registry of problem types. */
  readonly problemType?: string
  readonly title?: string
}

const PROBLEM_TYPE_BASE = 'https://iana.org/assignments/http-problem-types#'
export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8'

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail: string
}

/** `detail` says what is wrong, where, and how to mend it; `extra` are members of this problem alone. */
export function problem(code: ProblemCode, detail: string, extra?: object): Problem {
  const { status, problemType, title }: ProblemKind = PROBLEMS[code]
  return {
    type: problemType === undefined ? 'about:blank' : PROBLEM_TYPE_BASE + problemType,
    title: title ?? STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail,
    ...extra,
  }
}

/** Answers a request with a problem. Headers already set on the reply are kept. */
export function sendProblem(reply: FastifyReply, body: Problem): FastifyReply {
  return reply.code(body.status).type(PROBLEM_MEDIA_TYPE).serializer(JSON.stringify).send(body)
}

/** A problem found where nothing can be replied yet, such as a body parser; the error handler answers it. */
export class ProblemError extends Error {
  readonly problem: Problem

  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.detail, options)
    this.name = 'ProblemError'
    this.problem = problem
  }
}
