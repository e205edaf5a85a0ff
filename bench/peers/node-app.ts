import { addressOf } from '../http.ts'
import { startRedis } from '../redis.ts'
import type { Worker } from '../worker.ts'
import { KEYS, keyTexts, type Limit } from '../workload.ts'
import type { Deployed, Instance, Peer } from './peer.ts'

/** What an app of `processes/` is started with; its answer is where it listens. */
export interface AppJob {
  readonly limit: Limit
  /** How many there are of it. */
  readonly instances: number
}

export interface RedisAppJob extends AppJob {
  /** Of the Redis. */
  readonly port: number
}

interface NodeApp {
  readonly name: string
  readonly title: string
  /** The file in `processes/`. */
  readonly script: string
  readonly hasRedis: boolean
  /** What the job has beside the usual. */
  readonly settings?: object
}

/** A limiter inside a Node app. */
function nodeApp({ name, title, script, hasRedis, settings }: NodeApp): Peer {
  return {
    name,
    title,
    programs: hasRedis ? [{ name: 'redis-server', versionFlag: '--version' }] : [],
    isLinked: false,
    async start(stand, { limit, places }): Promise<Deployed> {
      const redis = hasRedis ? await startRedis(stand) : undefined
      const job = { limit, instances: places.length, port: redis?.port, ...settings }
      const instances = await Promise.all(
        places.map(async (core): Promise<Instance> => {
          const app: Worker<object, string> = stand.worker(script, core)
          return { to: addressOf(await app.ask(job)), pid: app.pid }
        }),
      )
      const { to } = instances[0] as Instance
      return {
        instances,
        ...(redis !== undefined && { storePid: redis.pid }),
        ways: async () => [{ title, to, route: 'gate', keys: keyTexts(KEYS) }],
      }
    },
  }
}

export const nodeApps: readonly Peer[] = [
  nodeApp({
    name: 'redis-lua',
    title: 'ioredis, bucket in Lua',
    script: 'redis-route',
    hasRedis: true,
    settings: { autoPipelining: false },
  }),
  nodeApp({
    name: 'redis-lua-pipelined',
    title: 'ioredis, bucket in Lua, auto-pipelining',
    script: 'redis-route',
    hasRedis: true,
    settings: { autoPipelining: true },
  }),
  nodeApp({
    name: 'rate-limiter-flexible',
    title: 'rate-limiter-flexible, Redis',
    script: 'rate-limiter-flexible',
    hasRedis: true,
  }),
  nodeApp({
    name: 'fastify-rate-limit',
    title: '@fastify/rate-limit, Redis',
    script: 'fastify-rate-limit',
    hasRedis: true,
  }),
  nodeApp({
    name: 'express-rate-limit',
    title: 'express-rate-limit, memory',
    script: 'express-rate-limit',
    hasRedis: false,
  }),
]
