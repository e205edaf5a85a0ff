import fastify from 'fastify'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { RedisAppJob } from '../peers/node-app.ts'
import { redisAt } from '../redis-client.ts'
import { work } from '../worker.ts'

// A Fastify route with rate-limiter-flexible on a Redis, as its manual has it for a fleet: whoever is over the limit is
// remembered in memory, and without Redis every instance enforces its share.

const WINDOW_S = 1

work(async ({ port, limit: { burst }, instances }: RedisAppJob): Promise<string> => {
  const limiter = new RateLimiterRedis({
    storeClient: await redisAt(port),
    points: burst,
    duration: WINDOW_S,
    inMemoryBlockOnConsumed: burst,
    rejectIfRedisNotReady: true,
    insuranceLimiter: new RateLimiterMemory({
      points: Math.ceil(burst / instances),
      duration: WINDOW_S,
    }),
  })
  const headers = ({ remainingPoints, msBeforeNext }: RateLimiterRes) => ({
    'x-ratelimit-limit': burst,
    'x-ratelimit-remaining': remainingPoints,
    'x-ratelimit-reset': Math.ceil((Date.now() + msBeforeNext) / 1_000),
  })
  const app = fastify()
  app.get<{ Querystring: { key: string } }>('/v1/gate', async (request, reply) => {
    try {
      const consumed = await limiter.consume(request.query.key)
      return reply.code(204).headers(headers(consumed)).send()
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused
      const retryAfterS = Math.ceil(refused.msBeforeNext / 1_000)
      return reply.code(429).headers(headers(refused)).header('retry-after', retryAfterS).send()
    }
  })
  return app.listen({ host: '127.0.0.1', port: 0 })
})
