import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Answer } from '../limiter/check.ts'
import type { RunningNode } from '../running-node.ts'
import { GateQuery } from './check-schema.ts'
import type { MeasuredChecks, Outcome } from './measured-checks.ts'
import { type Problem, problem, sendProblem } from './problem.ts'
import { policyName, type RateLimitHeaders } from './rate-limit-headers.ts'
import { refusalProblem } from './refusal.ts'

export interface GateOptions {
  readonly node: RunningNode
  readonly checks: MeasuredChecks
  readonly headers: RateLimitHeaders
}

/**
 * `ANY /v1/gate?rule=&key=&cost=`: the decision as a status, for callers that look no further. Whatever
 * body comes along is ignored.
 */
export const gate: FastifyPluginCallbackTypebox<GateOptions> = (app, options, done) => {
  const { node, checks, headers } = options

  app.route({
    method: app.supportedMethods,
    url: '/v1/gate',
    schema: { querystring: GateQuery },
    handler: (request, reply) => {
      const { rule, key, cost } = request.query
      const outcome = checks.one({ rule, key, cost: cost === undefined ? 1 : Number(cost) })
      if (!(outcome instanceof Promise)) {
        pass(reply, outcome)
        return
      }
      return outcome.then((settled) => {
        pass(reply, settled)
      })
    },
  })
  done()

  function pass(reply: FastifyReply, outcome: Outcome): void {
    if (outcome.type === 'rejected') {
      sendProblem(reply, problem(outcome.code, outcome.detail))
      return
    }
    reply.headers(headers.of(outcome))
    if (outcome.allowed) reply.code(204).send()
    else sendProblem(reply, refusal(outcome))
  }

  function refusal(answer: Answer): Problem {
    const rule = node.rule(answer.rule)
    const policy = rule === undefined ? answer.rule : policyName(rule, answer.limitIndex)
    return refusalProblem({ ...answer, policy })
  }
}
