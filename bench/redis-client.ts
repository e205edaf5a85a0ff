import { once } from 'node:events'
import { Redis, type RedisOptions } from 'ioredis'

/**
 * One connection to a Redis of this machine, once it is ready, as limiters' manuals set it: while there is no Redis a
 * command fails at once. ioredis' own default, a queue and 20 retries, keeps callers waiting for many seconds.
 */
export async function redisAt(port: number, options: RedisOptions = {}): Promise<Redis> {
  const redis = new Redis({
    ...{ port, host: '127.0.0.1', connectTimeout: 500, maxRetriesPerRequest: 1 },
    ...options,
  })
  await once(redis, 'ready')
  redis.options.enableOfflineQueue = false
  // Every command tells its caller; the connection need not tell of it, too.
  redis.on('error', () => undefined)
  return redis
}
