import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { BearerTokens } from '../bearer-token.ts'
import type { TurnedAway } from '../metrics/turned-away.ts'
import { WRONG_TOKEN_DELAY_MS, WRONG_TOKENS_WAITING_MAX } from './limits.ts'
import { problem, sendProblem } from './problem.ts'

export interface BearerGuardOptions {
  /** Asked at each request, as they may change. */
  readonly tokens: () => BearerTokens
  readonly turnedAway: Pick<TurnedAway, 'unauthorized'>
}

const DETAILS = {
  missing:
    'This door wants a token: send the header "Authorization: Bearer <token>" (weir: --token-file).',
  wrong: "The token is none of this node's: send one that is in its --admin-token-file.",
} as const

const CHALLENGES = {
  missing: 'Bearer realm="weir"',
  wrong: 'Bearer realm="weir", error="invalid_token"',
} as const

/**
 * Lets only requests with a token through to the routes of `app`, before their bodies are read. Whoever sends a
 * wrong one waits for the answer; of those only so many wait, and the others are cut off. A right one is
 * never slowed by them.
 */
export function guardByToken(
  app: FastifyInstance,
  { tokens, turnedAway }: BearerGuardOptions,
): void {
  let waiting = 0
  app.addHook('onRequest', async (request, reply) => {
    const proof = tokens().prove(request.headers.authorization)
    if (proof === 'right') return
    turnedAway.unauthorized(proof)
    if (proof === 'missing') return refuse(reply, proof)
    if (waiting >= WRONG_TOKENS_WAITING_MAX) {
      reply.hijack()
      request.raw.destroy()
      return reply
    }
    waiting += 1
    await delay(WRONG_TOKEN_DELAY_MS)
    waiting -= 1
    return refuse(reply, proof)
  })
}

function refuse(reply: FastifyReply, why: 'missing' | 'wrong'): FastifyReply {
  return sendProblem(
    reply.header('www-authenticate', CHALLENGES[why]),
    problem('unauthorized', DETAILS[why]),
  )
}
