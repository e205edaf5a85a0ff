import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerOptions,
} from 'fastify'
import { KEY_BYTES_MAX } from '../limiter/check.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { RunningNode } from '../running-node.ts'
import type { Certificate } from './certificate.ts'
import type { Draining } from './draining.ts'
import { clientErrorHandler, errorHandler, type InternalErrorListener } from './errors.ts'
import { health } from './health.ts'
import { KnownRoutes } from './known-routes.ts'
import {
  BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  CROWDED_PAUSE_MS,
  HANDSHAKE_TIMEOUT_MS,
  HEADER_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  REQUEST_TIMEOUT_MS,
  TIMEOUT_CHECK_MS,
} from './limits.ts'
import type { Shedding } from './shedding.ts'

export interface DoorDependencies {
  readonly node: RunningNode
  readonly metrics: Metrics
  /** One for all doors of a node. */
  readonly draining: Draining
  /** One for all data doors of a node. */
  readonly shedding: Shedding
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

export interface DoorOptions {
  /** The addresses whose `X-Forwarded-For` is believed; none without it. */
  readonly trusts?: ((address: string | undefined) => boolean) | undefined
  /** With it the door speaks TLS. */
  readonly certificate?: Certificate | undefined
  /** Whether other processes answer at the same address: it then shows no metrics. */
  readonly isShared?: boolean | undefined
}

/** Bytes of a percent-encoded character for each byte it stands for. */
const PERCENT_ENCODED_BYTES = 3

/**
 * What all doors have in common: limits, strict validation, problems for errors, health, and nothing on
 * the way of a request that it does not need: no hooks, no decorators, no request log.
 */
export function buildDoor(
  dependencies: DoorDependencies,
  addRoutes: (app: Door) => void,
  { trusts, certificate, isShared = false }: DoorOptions = {},
): Door {
  const onError = errorHandler(dependencies.onInternalError)
  const app = open(certificate, {
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
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
  boundConnections(app.server, dependencies.metrics)
  app.setErrorHandler(onError)
  ignoreBodies(app)

  const known = new KnownRoutes(app)
  addRoutes(app)
  app.register(health, { ...dependencies, isShared })
  known.refuseOtherMethods(app)
  dependencies.draining.attach(app.server)
  return app
}

/**
 * At the limit, connections without a request make room for those with one. What is left is bounded by time: a
 * request has to come in seconds.
 */
function boundConnections(server: Server, metrics: Metrics): void {
  let crowdedMs = Number.NEGATIVE_INFINITY
  server.maxConnections = CONNECTIONS_MAX
  server.on('drop', () => {
    metrics.turnedAway.shed('connections')
    const nowMs = performance.now()
    if (nowMs - crowdedMs < CROWDED_PAUSE_MS) return
    crowdedMs = nowMs
    server.closeIdleConnections()
  })
}

const CONNECTION_LIMITS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  maxHeaderSize: HEADER_BYTES_MAX,
} as const

/** HTTP, or with a certificate HTTPS: to all but clients the same, so only one type of door is told of. */
function open(certificate: Certificate | undefined, options: FastifyServerOptions): Door {
  const limited = {
    ...options,
    http: CONNECTION_LIMITS,
    https: certificate && {
      ...CONNECTION_LIMITS,
      ...certificate,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
  }
  return Fastify(limited as FastifyServerOptions)
}

/** Bodies are read only by routes that say so; elsewhere whatever comes is thrown away. */
function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
}
