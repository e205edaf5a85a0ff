import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { KEY_BYTES_MAX } from '../limiter/check.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { RunningNode } from '../running-node.ts'
import type { Draining } from './draining.ts'
import { clientErrorHandler, errorHandler, type InternalErrorListener } from './errors.ts'
import { health } from './health.ts'
import { KnownRoutes } from './known-routes.ts'
import {
  BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  HEADER_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  REQUEST_TIMEOUT_MS,
  TIMEOUT_CHECK_MS,
} from './limits.ts'

export interface DoorDependencies {
  readonly node: RunningNode
  readonly metrics: Metrics
  /** One for all doors of a node. */
  readonly draining: Draining
  readonly onInternalError: InternalErrorListener
}

/** A Fastify instance that knows the types of its TypeBox schemas. */
export type Door = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** Bytes of a percent-encoded character for each byte it stands for. */
const PERCENT_ENCODED_BYTES = 3

/**
 * What all doors have in common: limits, strict validation, problems for errors, health, and nothing on
 * the way of a request that it does not need: no hooks, no decorators, no request log.
 *
 * `trusts`: the addresses whose `X-Forwarded-For` is believed; none without it.
 */
export function buildDoor(
  dependencies: DoorDependencies,
  addRoutes: (app: Door) => void,
  trusts?: (address: string | undefined) => boolean,
): Door {
  const onError = errorHandler(dependencies.onInternalError)
  const app: Door = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    exposeHeadRoutes: false,
    trustProxy: trusts ?? false,
    return503OnClosing: false,
    routerOptions: { maxParamLength: KEY_BYTES_MAX * PERCENT_ENCODED_BYTES },
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        allErrors: true,
        // Errors carry the value and its schema, to say how to mend it.
        verbose: true,
      },
    },
    frameworkErrors: onError,
    clientErrorHandler,
  })
  app.server.maxConnections = CONNECTIONS_MAX
  app.setErrorHandler(onError)
  ignoreBodies(app)

  const known = new KnownRoutes(app)
  addRoutes(app)
  app.register(health, dependencies)
  known.refuseOtherMethods(app)
  dependencies.draining.attach(app.server)
  return app
}

/** Bodies are read only by routes that say so; elsewhere whatever comes is thrown away. */
function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
}
