import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { Metrics } from '../metrics/metrics.ts'
import type { RunningNode } from '../running-node.ts'
import type { Draining } from './draining.ts'
import { problem, sendProblem } from './problem.ts'
import { summary } from './summary.ts'

export interface HealthOptions {
  readonly node: RunningNode
  readonly metrics: Metrics
  readonly draining: Draining
  /** Whether other processes answer at the same address. */
  readonly isShared: boolean
}

/** A scrape of a shared door would be of one process now and of another next time: counters would jump. */
const OF_ONE_PROCESS = problem(
  'not_found',
  'Several processes answer at this address, and each counts what it did itself: ask each at its admin address.',
)

const LiveBody = Type.Object({ live: Type.Boolean() })

const ReadyQuery = Type.Object(
  { verbose: Type.Optional(Type.String()) },
  { additionalProperties: false },
)

const ReadyBody = Type.Object({
  ready: Type.Boolean(),
  checks: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), passed: Type.Boolean(), detail: Type.String() })),
  ),
})

/**
 * What supervisors and balancers ask, on every door.
 *
 * - `/livez`: the process answers, so its event loop turns.
 * - `/readyz`: whether to send it requests. Another node's failure or a partition never changes it.
 * - `/metrics`: for Prometheus, of this process alone.
 */
export const health: FastifyPluginCallbackTypebox<HealthOptions> = (app, options, done) => {
  const { node, metrics, draining, isShared } = options
  const method = ['GET', 'HEAD']

  app.route({
    method,
    url: '/livez',
    schema: { ...summary('Whether the process answers'), response: { 200: LiveBody } },
    handler: (_request, reply) => {
      reply.send({ live: true })
    },
  })

  app.route({
    method,
    url: '/readyz',
    schema: {
      ...summary('Whether this node wants requests'),
      querystring: ReadyQuery,
      response: { 200: ReadyBody, 503: ReadyBody },
    },
    handler: (request, reply) => {
      const checks = readinessChecks(node, draining)
      const ready = checks.every((check) => check.passed)
      const verbose = request.query.verbose !== undefined
      reply.code(ready ? 200 : 503).send(verbose ? { ready, checks } : { ready })
    },
  })

  app.route({
    method,
    url: '/metrics',
    schema: summary('Metrics in the text format of Prometheus'),
    handler: async (_request, reply) => {
      if (isShared) return sendProblem(reply, OF_ONE_PROCESS)
      const text = await metrics.exposition()
      return reply.type(metrics.contentType).send(text)
    },
  })
  done()
}

type ReadinessCheck = NonNullable<Static<typeof ReadyBody>['checks']>[number]

function readinessChecks(node: RunningNode, draining: Draining): ReadinessCheck[] {
  const { ready, state } = node.readiness()
  return [
    { name: 'node', passed: ready, detail: state },
    {
      name: 'draining',
      passed: !draining.active,
      detail: draining.active ? 'shutting down' : 'in service',
    },
  ]
}
