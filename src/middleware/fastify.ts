import type {
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
} from 'fastify'
import { fastifyPlugin } from 'fastify-plugin'
import { sendProblem } from '../http/problem.ts'
import {
  attempt,
  type Denial,
  fieldBeside,
  Gatekeeper,
  type LimitOptions,
  type Verdict,
} from './gatekeeper.ts'
import type { Source } from './limiter.ts'

export { WeirRequestError } from '../client/request-error.ts'
export { answerOf, type Denial, type LimitOptions } from './gatekeeper.ts'
export type { LimitAnswer, Source } from './limiter.ts'

/** How requests are limited, and what becomes of those denied. */
export interface RouteRateLimit extends LimitOptions<FastifyRequest> {
  /** Answers a denied request instead of the problem; status and header fields are set already. */
  readonly onDenied?: (request: FastifyRequest, reply: FastifyReply, denial: Denial) => unknown
}

/** Without a `rule` here, only routes that name one are limited. */
export type RateLimitOptions = Source &
  Omit<RouteRateLimit, 'rule'> & {
    readonly rule?: string
    /**
     * When to ask. `onRequest` (the default): before the body is read. `preHandler`: after, for keys and
     * costs that depend on it, or on what other hooks find out.
     */
    readonly hook?: 'onRequest' | 'preHandler'
  }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What is different for this route; `false`: it is not limited. */
    weir?: Partial<RouteRateLimit> | false
  }
}

/**
 * Limits the requests of the scope it is registered in, and of the scopes within. Registered again in an
 * inner scope, it adds a limit to the outer one. A mistake in the options, such as a rule that is not
 * there, is an error of the request, for the app's error handler.
 */
export const rateLimit: FastifyPluginCallback<RateLimitOptions> = fastifyPlugin(
  (app, options: RateLimitOptions, done) => {
    const hook = hookOf(new Limits(options))
    if (options.hook === 'preHandler') app.addHook('preHandler', hook)
    else app.addHook('onRequest', hook)
    done()
  },
  { name: 'weir', fastify: '5.x' },
)

function hookOf(limits: Limits): onRequestHookHandler {
  return (request, reply, pass) => {
    const limit = limits.of(request)
    if (limit === undefined) {
      pass()
      return
    }
    const fail = (error: unknown) => pass(error as Error)
    const act = (verdict: Verdict) => {
      for (const [name, value] of Object.entries(verdict.headers)) {
        reply.header(name, fieldBeside(name, reply.getHeader(name), value))
      }
      if (verdict.allowed) pass()
      else attempt(() => deny(limit, request, reply, verdict), fail)
    }
    const verdict = limit.gatekeeper.decide(request)
    if (verdict instanceof Promise) verdict.then(act, fail)
    else act(verdict)
  }
}

interface Limit {
  readonly gatekeeper: Gatekeeper<FastifyRequest>
  readonly onDenied: RouteRateLimit['onDenied']
}

/** The limits of the routes: one for all, and one for each that says something of its own. */
class Limits {
  readonly #options: RateLimitOptions
  readonly #ofAll: Limit | undefined
  readonly #ofRoutes = new WeakMap<object, Limit | undefined>()

  constructor(options: RateLimitOptions) {
    this.#options = options
    this.#ofAll = this.#limit(options)
  }

  of(request: FastifyRequest): Limit | undefined {
    const own = request.routeOptions.config.weir
    if (own === undefined) return this.#ofAll
    if (own === false) return undefined
    if (!this.#ofRoutes.has(own)) {
      this.#ofRoutes.set(own, this.#limit({ ...this.#options, ...own }))
    }
    return this.#ofRoutes.get(own)
  }

  #limit(options: RateLimitOptions): Limit | undefined {
    const { rule, onDenied } = options
    if (rule === undefined) return undefined
    return { gatekeeper: new Gatekeeper(options, { ...options, rule }), onDenied }
  }
}

function deny(
  { onDenied }: Limit,
  request: FastifyRequest,
  reply: FastifyReply,
  denial: Denial,
): unknown {
  reply.code(denial.status)
  if (onDenied !== undefined) return onDenied(request, reply, denial)
  return sendProblem(reply, denial.problem)
}
