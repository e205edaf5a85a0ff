import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { ForwardAuthQuery } from './check-schema.ts'
import { forwardedRequest, prefixedRequest } from './described-request.ts'
import { costOf, type GateOptions } from './gate.ts'
import { problem, sendProblem } from './problem.ts'
import { answerByStatus } from './status-answers.ts'
import { summary } from './summary.ts'

const EXT_AUTHZ = '/v1/ext-authz'

const QUERY_OF_CLIENT =
  "query: it is the client's own, who could choose a rule by it: give the proxy's request a query, such as ?deny_status=429"

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
    schema: {
      ...summary('Check a request that a reverse proxy describes'),
      querystring: ForwardAuthQuery,
    },
    handler: (request, reply) => {
      if (isQueryOfClient(request)) {
        return sendProblem(reply, problem('invalid_request', QUERY_OF_CLIENT))
      }
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
      schema: summary('Check a request for the authorization filter of Envoy'),
      handler: (request, reply) => {
        const outcome = checks.one({ facts: prefixedRequest(request, EXT_AUTHZ) })
        return answerByStatus(reply, outcome, { headers, allowed: 200 })
      },
    })
  }
  done()
}

/** Chooses nothing but the status of a refusal. */
const HARMLESS_QUERY = /^deny_status=[0-9]*$/

/** Some proxies pass the client's query on when they are told a path without one. */
function isQueryOfClient({ url, headers }: FastifyRequest): boolean {
  const query = queryOf(url)
  const forwarded = headers['x-forwarded-uri'] ?? headers['x-original-uri']
  return query !== '' && query === queryOf(`${forwarded}`) && !HARMLESS_QUERY.test(query)
}

function queryOf(path: string): string {
  const start = path.indexOf('?')
  return start < 0 ? '' : path.slice(start + 1)
}
