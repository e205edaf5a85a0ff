import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { explain } from '../explanation.ts'
import type { RunningNode } from '../running-node.ts'
import {
  AnswerBody,
  CheckOrBatchBody,
  isBatch,
  RejectedBody,
  type SingleCheck,
} from './check-schema.ts'
import { questionOf } from './described-request.ts'
import { inTurn } from './end-of-turn.ts'
import { bodyTooLarge } from './errors.ts'
import type { Fault } from './fault.ts'
import { BATCH_BODY_BYTES_MAX, BATCH_CHECKS_MAX, BODY_BYTES_MAX } from './limits.ts'
import type { MeasuredChecks, Outcome } from './measured-checks.ts'
import { ProblemError, problem, sendProblem } from './problem.ts'
import type { RateLimitHeaders } from './rate-limit-headers.ts'
import { summary } from './summary.ts'

export interface CheckOptions {
  readonly node: Pick<RunningNode, 'book' | 'cluster' | 'inspect'>
  readonly checks: MeasuredChecks
  readonly headers: RateLimitHeaders
}

/**
 * `POST /v1/check`: one check, or a batch `{"checks":[...]}`.
 *
 * A refusal is a 200 like an admission: clients retry or throw on 429, and being limited must not look
 * like a limiter in trouble. A batch has no rate limit headers, as its checks may be of several rules.
 */
export const check: FastifyPluginCallbackTypebox<CheckOptions> = (app, options, done) => {
  const { node, checks, headers } = options
  parseJson(app)

  app.post(
    '/v1/check',
    {
      bodyLimit: BATCH_BODY_BYTES_MAX,
      schema: {
        ...summary('Check one key, a described request, or a batch of them'),
        body: CheckOrBatchBody,
        response: { 200: AnswerBody },
      },
    },
    async ({ body }, reply) => {
      if (isBatch(body)) {
        const { checks: asked } = body
        const outcomes = await inTurn(checks.all(asked.map(questionOf)))
        const explained = outcomes.map((outcome, at) => withExplanation(asked[at], outcome))
        answerAll(reply, explained)
        return
      }
      const outcome = await inTurn(checks.one(questionOf(body)))
      answerOne(reply, withExplanation(body, outcome))
    },
  )
  done()

  /** The answer itself, but for the few that ask how it came about. */
  function withExplanation(body: SingleCheck | undefined, outcome: Outcome): Outcome {
    if (body?.explain !== true || outcome.type === 'rejected') return outcome
    const question = questionOf(body)
    return { ...outcome, explain: explain(node, question, outcome) } as Outcome
  }

  function answerOne(reply: FastifyReply, outcome: Outcome): void {
    if (outcome.type === 'answer') reply.headers(headers.of(outcome)).send(outcome)
    else sendProblem(reply, problem(outcome.code, outcome.detail))
  }
}

// Constants, because a reply remembers the serialiser it compiled for a schema by the schema's identity.
const ANSWER_SCHEMA = { ...AnswerBody }
const REJECTED_SCHEMA = { ...RejectedBody }
type Serialiser = (body: object) => string

/** Each outcome in its place. */
function answerAll(reply: FastifyReply, outcomes: readonly Outcome[]): void {
  const answerJson = reply.compileSerializationSchema(ANSWER_SCHEMA) as Serialiser
  const rejectedJson = reply.compileSerializationSchema(REJECTED_SCHEMA) as Serialiser
  // One string that grows: put together from a list of them, each would be copied twice.
  let answers = ''
  for (const outcome of outcomes) {
    const answer =
      outcome.type === 'answer'
        ? answerJson(outcome)
        : rejectedJson({ error: { code: outcome.code, detail: outcome.detail } })
    answers += answers === '' ? answer : `,${answer}`
  }
  reply.type('application/json; charset=utf-8').send(`{"answers":[${answers}]}`)
}

/**
 * JSON is the only media type here. Poisonous names such as `__proto__` need no care when parsing: JSON
 * makes them ordinary properties, and the schema refuses every property it does not know.
 */
export function parseJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (_request, text, done) => {
      let body: unknown
      try {
        body = JSON.parse(text)
      } catch (error) {
        done(malformedJson(text, error))
        return
      }
      done(singleTooLarge(text, body) ?? batchTooLong(body), body)
    },
  )
}

function malformedJson(text: string, cause: unknown): ProblemError {
  const detail =
    text === ''
      ? 'The body is empty: send a JSON object.'
      : `The body is not JSON: ${cause instanceof Error ? cause.message : cause}.`
  return new ProblemError(problem('malformed_json', detail), { cause })
}

/** Judged before the schema is, which would look at every item to list all errors. */
function batchTooLong(body: unknown): ProblemError | null {
  if (typeof body !== 'object' || body === null || !('checks' in body)) return null
  const { checks } = body
  if (!Array.isArray(checks) || checks.length <= BATCH_CHECKS_MAX) return null
  const detail = `has ${checks.length} checks: send at most ${BATCH_CHECKS_MAX} in one batch`
  const errors: Fault[] = [{ in: 'body', pointer: '/checks', detail }]
  return new ProblemError(
    problem('invalid_request', `body /checks: ${detail}`, { errors, errorCount: 1 }),
  )
}

/** The most bytes that one unit of a string's length can be in UTF-8. */
const UTF8_BYTES_PER_UNIT_MAX = 3

/** Only a batch may be longer than `BODY_BYTES_MAX`. */
function singleTooLarge(text: string, body: unknown): ProblemError | null {
  if (text.length * UTF8_BYTES_PER_UNIT_MAX <= BODY_BYTES_MAX) return null
  const batch = typeof body === 'object' && body !== null && 'checks' in body
  if (batch || Buffer.byteLength(text) <= BODY_BYTES_MAX) return null
  return new ProblemError(bodyTooLarge(BODY_BYTES_MAX))
}
