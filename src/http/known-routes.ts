import { METHODS } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { problem, sendProblem } from './problem.ts'

/** Methods a route can have. CONNECT never reaches a route. */
const ROUTE_METHODS = METHODS.filter((method) => method !== 'CONNECT')

/**
 * Remembers a door's routes, to answer what none of them serves: an unknown path by a list of the known
 * ones, a known path under another method by the methods it has.
 */
export class KnownRoutes {
  readonly #methods = new Map<string, Set<string>>()

  /** Call before any route is registered. */
  constructor(app: FastifyInstance) {
    for (const method of ROUTE_METHODS) {
      // QUERY is known to Fastify, but as a method that must have a body.
      if (method === 'QUERY' || !app.supportedMethods.includes(method as HTTPMethods)) {
        app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
      }
    }
    app.addHook('onRoute', ({ url, method }) => {
      const methods = this.#methods.get(url) ?? new Set()
      for (const name of [method].flat()) methods.add(name)
      this.#methods.set(url, methods)
    })
    app.setNotFoundHandler((_request, reply) => {
      sendProblem(
        reply,
        problem('not_found', 'Nothing is at this path: see "known".', { known: this.#list() }),
      )
    })
  }

  /** Call after all routes are registered. */
  refuseOtherMethods(app: FastifyInstance): void {
    app.register((scope, _options, done) => {
      const known = [...this.#methods].map(([url, methods]) => [url, [...methods]] as const)
      for (const [url, allowed] of known) {
        const method = ROUTE_METHODS.filter((name) => !allowed.includes(name))
        if (method.length > 0) scope.route({ method, url, handler: refuse(allowed.join(', ')) })
      }
      this.#methods.clear()
      for (const [url, allowed] of known) this.#methods.set(url, new Set(allowed))
      done()
    })
  }

  #list(): string[] {
    return [...this.#methods].map(([url, methods]) =>
      methods.size === ROUTE_METHODS.length ? `ANY ${url}` : `${[...methods].join(', ')} ${url}`,
    )
  }
}

function refuse(allow: string) {
  return (_request: FastifyRequest, reply: FastifyReply): void => {
    const body = problem('method_not_allowed', `This path answers ${allow} only.`)
    sendProblem(reply.header('allow', allow), body)
  }
}
