import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { CLOSE_DEADLINE_MS, DRAINING_RETRY_AFTER_S } from './limits.ts'
import { PROBLEM_MEDIA_TYPE, problem } from './problem.ts'

/**
 * The two steps in which a node's doors go out of service.
 *
 * 1. `begin`: readiness turns to 503, and every reply asks its client to leave (`Connection: close`), but
 *    checks are still answered, because balancers need time to notice.
 * 2. `close`, for each door: no new connections, no new requests on old ones; what is in flight is
 *    answered up to a deadline.
 *
 * Both work by listeners added to the HTTP servers at that time, so that a node in service pays nothing.
 */
export class Draining {
  readonly #servers: Server[] = []
  #active = false

  get active(): boolean {
    return this.#active
  }

  /** The doors' servers; `buildServer` and `buildAdminServer` attach theirs. */
  attach(server: Server): void {
    this.#servers.push(server)
    if (this.#active) server.prependListener('request', askToLeave)
  }

  begin(): void {
    if (this.#active) return
    this.#active = true
    for (const server of this.#servers) server.prependListener('request', askToLeave)
  }
}

function askToLeave(_request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Connection', 'close')
}

const RESPONSE_FINISHED = 'http.server.response.finish'

/**
 * Closes a door. Connections that are idle are closed at once, the others when their reply has been handed
 * to the operating system, and whatever is left after `deadlineMs` is cut.
 */
export async function close(app: FastifyInstance, deadlineMs = CLOSE_DEADLINE_MS): Promise<void> {
  const { server } = app
  server.removeAllListeners('request')
  server.on('request', turnAway)

  // A server closes the connections that are idle when it is told to, but not those that become idle later.
  const closeConnection = (message: unknown) => {
    const finished = message as { server: Server; socket: Socket }
    if (finished.server === server) finished.socket.destroySoon()
  }
  subscribe(RESPONSE_FINISHED, closeConnection)
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs)
  try {
    await app.close()
  } finally {
    clearTimeout(deadline)
    unsubscribe(RESPONSE_FINISHED, closeConnection)
  }
}

function turnAway(_request: IncomingMessage, response: ServerResponse): void {
  const body = problem('draining', 'This node is shutting down: ask another one.')
  response.writeHead(body.status, {
    'Content-Type': PROBLEM_MEDIA_TYPE,
    'Retry-After': DRAINING_RETRY_AFTER_S,
    Connection: 'close',
  })
  response.end(JSON.stringify(body))
}
