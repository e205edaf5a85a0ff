import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { NODE_ID_BYTES_MAX } from '../../cluster/limits.ts'
import type { Forgotten, Joined, RefusedOrder } from '../cluster-orders.ts'
import type { RunningNode } from '../running-node.ts'
import { parseJson } from './check.ts'
import { problem, sendProblem } from './problem.ts'
import { summary } from './summary.ts'

const closed = { additionalProperties: false }
/** A name in DNS has at most 253 characters; the rest is for what stands around it. */
const ADDRESS_LENGTH_MAX = 350

const ForgetBody = Type.Object(
  {
    node: Type.String({
      minLength: 1,
      maxLength: NODE_ID_BYTES_MAX,
      description: 'the name or the id of a member',
    }),
  },
  closed,
)
const ForgottenBody = Type.Object({ node: Type.String(), id: Type.String() })

const JoinBody = Type.Object(
  {
    address: Type.String({
      minLength: 1,
      maxLength: ADDRESS_LENGTH_MAX,
      description: 'where members may be found, as in the option seeds',
    }),
  },
  closed,
)
const JoinedBody = Type.Object({ address: Type.String() })

/** What an operator tells a node about its cluster. */
export const clusterOrders: FastifyPluginCallbackTypebox<{ readonly node: RunningNode }> = (
  app,
  { node },
  done,
) => {
  parseJson(app)

  app.post(
    '/api/v1/cluster/forget',
    {
      schema: {
        ...summary('Take a member for gone for good'),
        body: ForgetBody,
        response: { 200: ForgottenBody },
      },
    },
    async ({ body }, reply) =>
      answer(reply, node.forget(body.node), ({ id, name }: Forgotten) => ({ node: name, id })),
  )

  app.post(
    '/api/v1/cluster/join',
    {
      schema: {
        ...summary('Look for members at a further place'),
        body: JoinBody,
        response: { 200: JoinedBody },
      },
    },
    async ({ body }, reply) =>
      answer(reply, node.join(body.address), ({ address }: Joined) => ({ address })),
  )
  done()
}

function answer<Done extends object>(
  reply: FastifyReply,
  outcome: Done | RefusedOrder,
  bodyOf: (done: Done) => object,
): FastifyReply {
  return isRefused(outcome)
    ? sendProblem(reply, problem(outcome.code, outcome.detail))
    : reply.send(bodyOf(outcome))
}

function isRefused(outcome: object): outcome is RefusedOrder {
  return 'type' in outcome && outcome.type === 'refused'
}
