import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { COST_MAX } from '../../cluster/limits.ts'
import type { Rejection } from '../limiter/check.ts'
import { RESERVATION_MS_MAX } from '../limiter/settlement.ts'
import { RESERVATION_MS_DEFAULT } from '../reservations.ts'
import type { RuleAnswer } from '../rule-answer.ts'
import { parseJson } from './check.ts'
import { AnswerBody, CheckBody } from './check-schema.ts'
import { checkOf } from './described-request.ts'
import type { MeasuredChecks } from './measured-checks.ts'
import { problem, sendProblem } from './problem.ts'
import { summary } from './summary.ts'

const closed = { additionalProperties: false }

const Cost = Type.Integer({
  minimum: 0,
  maximum: COST_MAX,
  description: `tokens, a whole number from 0 to ${COST_MAX}`,
})

const ReserveBody = Type.Object(
  {
    ...CheckBody.properties,
    forMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: RESERVATION_MS_MAX,
        description: `milliseconds within which it is settled, from 1 to ${RESERVATION_MS_MAX}; default: ${RESERVATION_MS_DEFAULT}, or for as long as permits are held`,
      }),
    ),
  },
  { ...closed, required: ['rule', 'key'] },
)

const SettleBody = Type.Object(
  {
    reservation: Type.String({ description: 'what `/v1/reserve` answered' }),
    cost: Cost,
  },
  closed,
)

const ReservedBody = Type.Object({
  ...AnswerBody.properties,
  reservation: Type.Optional(Type.String()),
  expiresInMs: Type.Optional(Type.Integer()),
})

const SettledBody = Type.Object({ ...AnswerBody.properties, again: Type.Boolean() })

/**
 * What an app does to a key beside asking for it: it gives tokens back (`/v1/refund`), takes them whether or not
 * there is room (`/v1/penalty`), or takes them before it knows how many it needs (`/v1/reserve`, `/v1/settle`).
 * The answer says how the key then stands.
 */
export const adjust: FastifyPluginCallbackTypebox<{ readonly checks: MeasuredChecks }> = (
  app,
  { checks },
  done,
) => {
  parseJson(app)
  const body = { body: CheckBody, response: { 200: AnswerBody } }

  app.post(
    '/v1/refund',
    { schema: { ...summary('Give tokens back'), ...body } },
    async ({ body }, reply) => answer(reply, await checks.adjust('refund', checkOf(body))),
  )

  app.post(
    '/v1/penalty',
    { schema: { ...summary('Take tokens whether or not there is room'), ...body } },
    async ({ body }, reply) => answer(reply, await checks.adjust('penalise', checkOf(body))),
  )

  app.post(
    '/v1/reserve',
    {
      schema: {
        ...summary('Take tokens before it is known how many are needed'),
        body: ReserveBody,
        response: { 200: ReservedBody },
      },
    },
    async ({ body: { forMs, ...request } }, reply) => {
      const outcome = await checks.reserve(checkOf(request), forMs)
      if (outcome.type === 'rejected') return reject(reply, outcome)
      if (outcome.id === undefined) return reply.send(outcome.answer)
      const { id, expiresInMs } = outcome
      return reply.send({ ...outcome.answer, reservation: id, expiresInMs })
    },
  )

  app.post(
    '/v1/settle',
    {
      schema: {
        ...summary('Say how many were needed'),
        body: SettleBody,
        response: { 200: SettledBody },
      },
    },
    async ({ body: { reservation, cost } }, reply) => {
      const outcome = await checks.settle(reservation, cost)
      if (outcome.type !== 'settled') return reject(reply, outcome)
      return reply.send({ ...outcome.answer, again: outcome.again })
    },
  )
  done()
}

/** Begins a key anew; for operators. */
export const reset: FastifyPluginCallbackTypebox<{ readonly checks: MeasuredChecks }> = (
  app,
  { checks },
  done,
) => {
  parseJson(app)
  const body = Type.Pick(CheckBody, ['rule', 'key', 'descriptors'], closed)
  app.post(
    '/v1/reset',
    { schema: { ...summary('Begin a key anew'), body, response: { 200: AnswerBody } } },
    async ({ body }, reply) =>
      answer(reply, await checks.adjust('reset', { ...checkOf(body), cost: 0 })),
  )
  done()
}

function answer(reply: FastifyReply, outcome: RuleAnswer | Rejection): FastifyReply {
  return outcome.type === 'rejected' ? reject(reply, outcome) : reply.send(outcome)
}

function reject(
  reply: FastifyReply,
  { code, detail }: { readonly code: Parameters<typeof problem>[0]; readonly detail: string },
): FastifyReply {
  return sendProblem(reply, problem(code, detail))
}
