import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { GateQuery } from './check-schema.ts'
import type { MeasuredChecks } from './measured-checks.ts'
import type { RateLimitHeaders } from './rate-limit-headers.ts'
import { answerByStatus } from './status-answers.ts'
import { summary } from './summary.ts'

export interface GateOptions {
  readonly checks: MeasuredChecks
  readonly headers: RateLimitHeaders
}

/**
 * `ANY /v1/gate?rule=&key=&cost=`: the decision as a status, for callers that look no further. Whatever
 * body comes along is ignored.
 */
export const gate: FastifyPluginCallbackTypebox<GateOptions> = (app, options, done) => {
  const { checks, headers } = options
  app.route({
    method: app.supportedMethods,
    url: '/v1/gate',
    schema: { ...summary('Check a key, answered by the status'), querystring: GateQuery },
    handler: (request, reply) => {
      const { rule, key, cost } = request.query
      const outcome = checks.one({ rule, key, cost: costOf(cost) })
      return answerByStatus(reply, outcome, { headers, allowed: 204 })
    },
  })
  done()
}

/** Undefined: what the rule says. */
export function costOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits)
}
