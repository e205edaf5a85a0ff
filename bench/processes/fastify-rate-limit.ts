import rateLimit from '@fastify/rate-limit'
import fastify, { type FastifyRequest } from 'fastify'
import type { RedisAppJob } from '../peers/node-app.ts'
import { redisAt } from '../redis-client.ts'
import { work } from '../worker.ts'

// A Fastify route behind @fastify/rate-limit on a Redis. As in its manual's example it lets everybody pass while there is
// no Redis; without `skipOnError` it would answer all with 500.

const WINDOW_MS = 1_000

work(async ({ port, limit: { burst } }: RedisAppJob): Promise<string> => {
  const app = fastify()
  await app.register(rateLimit, {
    max: burst,
    timeWindow: WINDOW_MS,
    redis: await redisAt(port),
    skipOnError: true,
    keyGenerator: ({ query }: FastifyRequest) => (query as { key: string }).key,
  })
  app.get('/v1/gate', (_, reply) => reply.code(204).send())
  return app.listen({ host: '127.0.0.1', port: 0 })
})
