import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { RunningNode } from '../running-node.ts'
import { reset } from './adjust.ts'
import { clusterOrders } from './cluster.ts'
import { buildDoor, type Door, type DoorDependencies } from './door.ts'
import { MeasuredChecks } from './measured-checks.ts'
import { problem, sendProblem } from './problem.ts'
import { summary } from './summary.ts'

/** The admin door: what operators ask, and health. It shows keys, so it belongs on a private address. */
export function buildAdminServer(dependencies: DoorDependencies): Door {
  const { node, metrics } = dependencies
  return buildDoor(dependencies, (app) => {
    app.register(admin, { node })
    app.register(clusterOrders, { node })
    app.register(reset, { checks: new MeasuredChecks(node, metrics) })
  })
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
