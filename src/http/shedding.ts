import type { RequestListener, Server, ServerResponse } from 'node:http'
import type { TurnedAway } from '../metrics/turned-away.ts'
import {
  OVERLOAD_LAG_MS,
  OVERLOAD_MEMORY_MS,
  OVERLOAD_PATIENCE_MS,
  OVERLOADED_RETRY_AFTER_S,
} from './limits.ts'
import { PROBLEM_MEDIA_TYPE, problem } from './problem.ts'

/** Paths that are answered however late it is, for a busy node is neither dead nor to be sent away. */
const NEVER_SHED = /^\/(livez|readyz|metrics)(\?|$)/

const OVERLOADED = problem(
  'overloaded',
  `This node has more requests than it can answer in time: retry in ${OVERLOADED_RETRY_AFTER_S} s.`,
)
const TEXT = JSON.stringify(OVERLOADED)

interface ShedDoor {
  readonly server: Server
  readonly router: RequestListener
  /** Stands in the router's place. */
  readonly turnAway: RequestListener
}

/**
 * Turns requests away, before anything of them is read but their heads, while the event loop is behind.
 *
 * What counts is a queue that stands, as in CoDel: one late turn is a stall, and whoever waited for its end is
 * answered; turns that are late for as long as `OVERLOAD_PATIENCE_MS` mean that more comes in than goes
 * out. The first turn in time ends it. Who was overloaded just before is not given the patience again.
 *
 * It works by changing places with the router of each door, so that a node in time pays nothing.
 */
export class Shedding {
  readonly #turnedAway: Pick<TurnedAway, 'shed'>
  readonly #doors: ShedDoor[] = []
  #behindSinceMs: number | undefined
  #shedAtMs = Number.NEGATIVE_INFINITY
  #active = false

  constructor(turnedAway: Pick<TurnedAway, 'shed'>) {
    this.#turnedAway = turnedAway
  }

  get active(): boolean {
    return this.#active
  }

  /** A door whose one listener on requests is its router. */
  attach(server: Server): void {
    const [router] = server.listeners('request') as RequestListener[]
    if (router === undefined) return
    const turnAway: RequestListener = (request, response) => {
      if (NEVER_SHED.test(request.url ?? '')) router(request, response)
      else this.#turnAway(response)
    }
    this.#doors.push({ server, router, turnAway })
    if (this.#active) replace(server, router, turnAway)
  }

  /** A tick came so much later than it was due. */
  observe(lateMs: number, nowMs: number): void {
    if (lateMs <= OVERLOAD_LAG_MS) {
      this.#behindSinceMs = undefined
      this.#end()
      return
    }
    this.#behindSinceMs ??= nowMs
    const relapsed = nowMs - this.#shedAtMs <= OVERLOAD_MEMORY_MS
    const patienceMs = relapsed ? 0 : OVERLOAD_PATIENCE_MS
    if (nowMs - this.#behindSinceMs < patienceMs) return
    this.#shedAtMs = nowMs
    this.#begin()
  }

  #begin(): void {
    if (this.#active) return
    this.#active = true
    for (const { server, router, turnAway } of this.#doors) replace(server, router, turnAway)
  }

  #end(): void {
    if (!this.#active) return
    this.#active = false
    for (const { server, router, turnAway } of this.#doors) replace(server, turnAway, router)
  }

  #turnAway(response: ServerResponse): void {
    this.#turnedAway.shed('lag')
    response.writeHead(OVERLOADED.status, {
      'Content-Type': PROBLEM_MEDIA_TYPE,
      'Content-Length': TEXT.length,
      'Retry-After': OVERLOADED_RETRY_AFTER_S,
    })
    response.end(TEXT)
  }
}

/** A door that is closing has another listener by now, which stays. */
function replace(server: Server, one: RequestListener, other: RequestListener): void {
  if (!server.listeners('request').includes(one)) return
  server.removeListener('request', one)
  server.on('request', other)
}
