import { addressOf, assertSameBytes } from './http.ts'
import { interleave, ratios } from './interleave.ts'
import { checksPerCpuSecond, described, isCpuKnown, type Loaded, LoadGenerator } from './load.ts'
import { microsecondsText } from './microseconds.ts'
import type { RedisRouteJob } from './processes/redis-route.ts'
import { findRedis, startRedis } from './redis.ts'
import { figure, type Reading, type Row, type Scale, type Subject, skipped } from './row.ts'
import { Stand } from './stand.ts'
import type { Worker } from './worker.ts'
import { CONNECTIONS, KEYS, keyTexts, NEVER_REFUSED } from './workload.ts'

/** Checks per second at which costs and latencies are compared. */
const EQUAL_RATE = 8_000

const FULL_SPEED: Row = {
  name: 'redis-full-speed',
  measures:
    'POST /v1/check, own key / the same route with ioredis and a token bucket in Lua, checks/s of a server core',
  unit: '×',
  target: { atLeast: 1.6 },
}
const CPU: Row = {
  name: 'redis-cpu',
  measures: `the same at ${EQUAL_RATE} checks/s: checks per second of processor time, that of Redis counted`,
  unit: '×',
  target: { atLeast: 2.2 },
}
const P50: Row = {
  name: 'redis-p50',
  measures: `the same at ${EQUAL_RATE} checks/s: median latency`,
  unit: '×',
  target: { atMost: 0.65 },
}
const ROWS = [FULL_SPEED, CPU, P50]

/** What it saves not to ask a Redis. */
export const redisRoute: Subject = {
  name: 'redis',
  rows: ROWS,
  measure: async (scale) => {
    const found = findRedis()
    if (found !== true) return new Map(ROWS.map((row) => [row.name, skipped(found)]))
    return Stand.with((stand) => measure(stand, scale))
  },
}

async function measure(stand: Stand, scale: Scale): Promise<Map<string, Reading>> {
  const redis = await startRedis(stand)
  const route: Worker<RedisRouteJob, string> = stand.worker('redis-route', 'server')
  const routeUrl = await route.ask({
    ...{ port: redis.port, limit: NEVER_REFUSED },
    // With it a core does more and each check waits longer: `npm run bench:peers` has both.
    autoPipelining: false,
  })
  const flags = ['--listen', '127.0.0.1:0', '--peer-listen', 'none']
  const node = await stand.node('bench', 'server', flags)
  const generator = new LoadGenerator(stand)
  const keys = keyTexts(KEYS)
  const turn = (url: string, pids: readonly number[], perSecond?: number) => (durationMs: number) =>
    generator.run(addressOf(url), 'check', {
      keys,
      connections: CONNECTIONS,
      durationMs,
      pids,
      ...(perSecond !== undefined && { perSecond }),
    })
  const full = await interleave(scale, {
    weir: turn(node.url, [node.pid]),
    redis: turn(routeUrl, [route.pid]),
  })
  const equal = await interleave(scale, {
    weir: turn(node.url, [node.pid], EQUAL_RATE),
    redis: turn(routeUrl, [route.pid, redis.pid], EQUAL_RATE),
  })
  assertSameBytes(full.weir, full.redis)
  return new Map([
    [FULL_SPEED.name, compared(full.weir, full.redis)],
    [
      CPU.name,
      isCpuKnown(equal.redis)
        ? compared(equal.weir, equal.redis)
        : skipped('this system does not tell the processor time of other processes'),
    ],
    [P50.name, latencies(equal.weir, equal.redis)],
  ])
}

function compared(weir: readonly Loaded[], redis: readonly Loaded[]): Reading {
  const values = ratios(checksPerCpuSecond(weir), checksPerCpuSecond(redis))
  return figure(values, `${described('Weir', weir)}; ${described('Redis', redis)}`)
}

function latencies(weir: readonly Loaded[], redis: readonly Loaded[]): Reading {
  const p50s = (turns: readonly Loaded[]) => turns.map((turn) => turn.p50Us)
  const p99s = (turns: readonly Loaded[]) => turns.map((turn) => turn.p99Us)
  const words = (turns: readonly Loaded[]) =>
    `p50 ${microsecondsText(p50s(turns))}, p99 ${microsecondsText(p99s(turns))}`
  return figure(ratios(p50s(weir), p50s(redis)), `Weir ${words(weir)}; Redis ${words(redis)}`)
}
