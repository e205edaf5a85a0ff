import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { BearerTokens } from '../bearer-token.ts'
import type { RunningNode } from '../running-node.ts'
import { reset } from './adjust.ts'
import { guardByToken } from './bearer-guard.ts'
import type { Certificate } from './certificate.ts'
import { clusterOrders } from './cluster.ts'
import { buildDoor, type Door, type DoorDependencies } from './door.ts'
import { MeasuredChecks } from './measured-checks.ts'
import { problem, sendProblem } from './problem.ts'
import { summary } from './summary.ts'

export interface AdminServerOptions {
  /** What opens it; absent: nothing is needed. */
  readonly tokens?: (() => BearerTokens) | undefined
  readonly certificate?: Certificate | undefined
}

/**
 * The admin door: what operators ask, and health. It shows keys and resets them, so it belongs on a private
 * address or behind a token. Health and metrics, which name no key, are open to everybody who gets there.
 */
export function buildAdminServer(
  dependencies: DoorDependencies,
  { tokens, certificate }: AdminServerOptions = {},
): Door {
  const { node, metrics } = dependencies
  const { turnedAway } = metrics
  return buildDoor(
    dependencies,
    (app) => {
      app.register((guarded, _options, done) => {
        if (tokens !== undefined) guardByToken(guarded, { tokens, turnedAway })
        guarded.register(admin, { node })
        guarded.register(clusterOrders, { node })
        guarded.register(reset, { checks: new MeasuredChecks(node, metrics) })
        done()
      })
    },
    { certificate },
  )
}

const closed = { additionalProperties: false }
const GET = ['GET', 'HEAD']

const admin: FastifyPluginCallbackTypebox<{ node: RunningNode }> = (app, { node }, done) => {
  app.route({
    method: GET,
    url: '/api/v1/debug/:key',
    schema: {
      ...summary('Show what this node holds about a key'),
      params: Type.Object({ key: Type.String() }, closed),
      querystring: Type.Object(
        { rule: Type.String({ description: 'the name of a rule' }) },
        closed,
      ),
    },
    handler: (request, reply) => {
      const inspection = node.inspect(request.query.rule, request.params.key)
      if ('type' in inspection) {
        sendProblem(reply, problem(inspection.code, inspection.detail))
        return
      }
      reply.send(inspection)
    },
  })

  app.route({
    method: GET,
    url: '/api/v1/cluster',
    schema: { ...summary('Show the members'), querystring: Type.Object({}, closed) },
    handler: (_request, reply) => {
      reply.send(node.cluster())
    },
  })

  app.route({
    method: GET,
    url: '/api/v1/status',
    schema: {
      ...summary('Show everything that weir doctor judges'),
      querystring: Type.Object({}, closed),
    },
    handler: (_request, reply) => {
      reply.send(node.status())
    },
  })
  done()
}
