import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { ForwardAuthQuery } from './check-schema.ts'
import { forwardedRequest, prefixedRequest } from './described-request.ts'
import { costOf, type GateOptions } from './gate.ts'
import { answerByStatus } from './status-answers.ts'

const EXT_AUTHZ = '/v1/ext-authz'

/**
 * What reverse proxies ask before they pass a request on. Whatever body comes along is ignored.
 *
 * - `ANY /v1/forward-auth`: the request is in `X-Forwarded-*` or `X-Original-*`, and falls under the rules
 *   that match it, or under `?rule=&key=`. `deny_status` is for proxies that understand few statuses.
 * - `ANY /v1/ext-authz/*`: the request is this one, its path after the prefix.
 */
export const forwardAuth: FastifyPluginCallbackTypebox<GateOptions> = (app, options, done) => {
  const { checks, headers } = options
  app.route({
    method: app.supportedMethods,
    url: '/v1/forward-auth',
    schema: { querystring: ForwardAuthQuery },
    handler: (request, reply) => {
      const { rule, key, cost: digits, deny_status: status } = request.query
      const cost = costOf(digits)
      const outcome =
        rule === undefined || key === undefined
          ? checks.one({ facts: forwardedRequest(request), cost })
          : checks.one({ rule, key, cost })
      const denied = status === undefined ? undefined : Number(status)
      return answerByStatus(reply, outcome, { headers, allowed: 204, denied })
    },
  })

  for (const url of [EXT_AUTHZ, `${EXT_AUTHZ}/*`]) {
    app.route({
      method: app.supportedMethods,
      url,
      handler: (request, reply) => {
        const outcome = checks.one({ facts: prefixedRequest(request, EXT_AUTHZ) })
        return answerByStatus(reply, outcome, { headers, allowed: 200 })
      },
    })
  }
  done()
}
