import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { explain } from '../explanation.ts'
import type { RunningNode } from '../running-node.ts'
import {
  AnswerBody,
  AnyCheckBody,
  type KeysBody,
  RejectedBody,
  type SingleCheck,
} from './check-schema.ts'
import { columnsJson } from './columns.ts'
import { checksOf, questionOf } from './described-request.ts'
import { inTurn } from './end-of-turn.ts'
import { bodyTooLarge } from './errors.ts'
import { type Fault, faulty } from './fault.ts'
import {
  BATCH_BODY_BYTES_MAX,
  BATCH_CHECKS_MAX,
  BODY_BYTES_MAX,
  FAULTS_LISTED_MAX,
} from './limits.ts'
import type { MeasuredChecks, Mistake, Mistaken, Outcome } from './measured-checks.ts'
import { type Problem, ProblemError, problem, sendProblem } from './problem.ts'
import type { RateLimitHeaders } from './rate-limit-headers.ts'
import { summary } from './summary.ts'

export interface CheckOptions {
  readonly node: Pick<RunningNode, 'book' | 'cluster' | 'inspect'>
  readonly checks: MeasuredChecks
  readonly headers: RateLimitHeaders
}

/**
 * `POST /v1/check`: one check, a batch `{"checks":[...]}`, or many keys of one rule `{"rule":...,"keys":[...]}`.
 *
 * A refusal is a 200 like an admission: clients retry or throw on 429, and being limited must not look
 * like a limiter in trouble. Where there are many answers there are no rate limit headers.
 */
export const check: FastifyPluginCallbackTypebox<CheckOptions> = (app, options, done) => {
  const { node, checks, headers } = options
  parseJson(app)

  app.post(
    '/v1/check',
    {
      bodyLimit: BATCH_BODY_BYTES_MAX,
      schema: {
        ...summary('Check one key, a described request, a batch of them, or many keys of one rule'),
        body: AnyCheckBody,
        response: { 200: AnswerBody },
      },
    },
    async ({ body }, reply) => {
      if ('keys' in body) {
        await answerKeys(reply, body)
        return
      }
      if ('checks' in body) {
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

  /** All of them, or none: an answer by columns has no place for a mistake. */
  async function answerKeys(reply: FastifyReply, body: KeysBody): Promise<void> {
    const outcomes = await inTurn(checks.allOrNone(checksOf(body)))
    if ('type' in outcomes) sendProblem(reply, mistakenProblem(outcomes))
    else reply.type(JSON_MEDIA_TYPE).send(`{"answers":${columnsJson(outcomes)}}`)
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
const JSON_MEDIA_TYPE = 'application/json; charset=utf-8'

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
  reply.type(JSON_MEDIA_TYPE).send(`{"answers":[${answers}]}`)
}

/** Why none of many keys was counted. */
function mistakenProblem({ mistakes }: Mistaken): Problem {
  const listed = mistakes.slice(0, FAULTS_LISTED_MAX).map(faultOf)
  return faulty(mistakes[0].rejection.code, listed, mistakes.length)
}

function faultOf({ at, rejection: { code, detail } }: Mistake): Fault {
  const key = `/keys/${at}`
  switch (code) {
    case 'unknown_rule':
      return { in: 'body', pointer: '/rule', detail }
    case 'invalid_cost':
      // The rule's own limits may be larger, or smaller, than those of this key.
      return { in: 'body', pointer: '/cost', detail: `${detail} (asked for ${key})` }
    case 'invalid_key':
      return { in: 'body', pointer: key, detail }
    default:
      return code satisfies never
  }
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
  const name = listIn(body)
  const list = name && (body as Readonly<Record<string, unknown>>)[name]
  if (!Array.isArray(list) || list.length <= BATCH_CHECKS_MAX) return null
  const detail = `has ${list.length} ${name}: send at most ${BATCH_CHECKS_MAX} in one batch`
  const fault: Fault = { in: 'body', pointer: `/${name}`, detail }
  return new ProblemError(faulty('invalid_request', [fault], 1))
}

const LISTS_OF_CHECKS = ['checks', 'keys'] as const

/** The member in which a body lists many checks, if it does. */
function listIn(body: unknown): (typeof LISTS_OF_CHECKS)[number] | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  return LISTS_OF_CHECKS.find((name) => Object.hasOwn(body, name))
}

/** The most bytes that one unit of a string's length can be in UTF-8. */
const UTF8_BYTES_PER_UNIT_MAX = 3

/** Only a list of checks may be longer than `BODY_BYTES_MAX`. */
function singleTooLarge(text: string, body: unknown): ProblemError | null {
  if (text.length * UTF8_BYTES_PER_UNIT_MAX <= BODY_BYTES_MAX) return null
  if (listIn(body) !== undefined || Buffer.byteLength(text) <= BODY_BYTES_MAX) return null
  return new ProblemError(bodyTooLarge(BODY_BYTES_MAX))
}
