import type { Redis } from 'ioredis'
import { Draining } from '../../src/http/draining.ts'
import { listen } from '../../src/http/listen.ts'
import { buildServer } from '../../src/http/server.ts'
import { Shedding } from '../../src/http/shedding.ts'
import type { Answer } from '../../src/limiter/check.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import type { RuleCheck } from '../../src/rule-answer.ts'
import { rulesFrom } from '../../src/rules/load.ts'
import type { RuleBook } from '../../src/rules/rule-book.ts'
import type { RunningNode } from '../../src/running-node.ts'
import { redisAt } from '../redis-client.ts'
import { work } from '../worker.ts'
import { type Limit, RULE } from '../workload.ts'

// The very route that Weir serves, with a Redis behind it instead of a node: same parser, same schemas,
// same headers, same answer. What differs is where the decision is made.

export interface RedisRouteJob {
  readonly port: number
  readonly limit: Limit
  /** Whether commands of one turn of the event loop are sent as one. */
  readonly autoPipelining: boolean
}

/**
 * A token bucket in Lua, in the form that costs Redis least: one value per key, the time at which the
 * bucket will be full again in microseconds (the theoretical arrival time of GCRA), one GET and one SET.
 * Times stay below 2^53, which Lua's numbers and `%.0f` hold exactly.
 */
const TOKEN_BUCKET = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local token, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
if full < now then full = now end
local after = full + cost * token
local room = now + burst * token - after
if room < 0 then
  local remaining = math.floor((room + cost * token) / token)
  return { 0, remaining, math.ceil(-room / 1000), math.ceil((full - now) / 1000) }
end
local reset = math.ceil((after - now) / 1000)
if cost > 0 then redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', reset) end
return { 1, math.floor(room / token), 0, reset }
`

const MICROSECONDS_PER_SECOND = 1_000_000

type Decided = [allowed: number, remaining: number, retryAfterMs: number, resetMs: number]

interface TokenBuckets extends Redis {
  take(key: string, tokenUs: number, burst: number, cost: number): Promise<Decided>
}

class RedisNode implements RunningNode {
  readonly name = 'bench'
  readonly book: RuleBook
  readonly #limit: Limit
  readonly #redis: TokenBuckets

  constructor(redis: Redis, limit: Limit) {
    // Sent by its digest after the first time.
    redis.defineCommand('take', { numberOfKeys: 1, lua: TOKEN_BUCKET })
    this.#redis = redis as TokenBuckets
    this.#limit = limit
    this.book = rulesFrom({
      version: 1,
      rules: [{ name: RULE, limits: [{ rate: `${limit.perSecond}/s`, burst: limit.burst }] }],
    })
  }

  get rules() {
    return this.book.coreRules
  }

  async check({ rule, key, cost = 1 }: RuleCheck): Promise<Answer> {
    const { perSecond, burst } = this.#limit
    const tokenUs = MICROSECONDS_PER_SECOND / perSecond
    const decided = await this.#redis.take(`${rule}:${key}`, tokenUs, burst, cost)
    const [allowed, remaining, retryAfterMs, resetMs] = decided
    return {
      type: 'answer',
      allowed: allowed === 1,
      rule,
      limit: burst,
      remaining,
      retryAfterMs,
      resetMs,
      reason: allowed === 1 ? 'under_limit' : 'over_limit',
      decidedBy: 'owner',
      consistency: 'exact',
      overshootBound: 0,
      weight: 1,
      owner: this.name,
      node: this.name,
      limitIndex: 0,
    }
  }

  atOnce<Result>(ask: () => Result): Result {
    return ask()
  }

  mistake() {
    return undefined
  }

  checkRequest(): never {
    throw new Error('nobody describes a request in a benchmark')
  }

  adjust(): never {
    throw new Error('nobody adjusts a key in a benchmark')
  }

  reserve(): never {
    throw new Error('nobody reserves in a benchmark')
  }

  settle(): never {
    throw new Error('nobody settles in a benchmark')
  }

  rule(name: string) {
    return this.rules.find((rule) => rule.name === name)
  }

  readiness() {
    return { ready: true, state: 'active' } as const
  }

  cluster() {
    return { node: this.name, id: this.name, view: 0, members: [] }
  }

  status(): never {
    throw new Error('nobody asks how a benchmark is')
  }

  forget(): never {
    throw new Error('Redis has no members')
  }

  join(): never {
    throw new Error('Redis has no members')
  }

  inspect(rule: string, key: string) {
    return { rule, key, hash: '', owners: [this.name], limits: [] }
  }
}

/** Where it listens. */
work(async ({ port, limit, autoPipelining }: RedisRouteJob): Promise<string> => {
  const redis = await redisAt(port, { enableAutoPipelining: autoPipelining })
  const node = new RedisNode(redis, limit)
  const metrics = createMetrics({ book: node.book })
  const app = buildServer(
    {
      node,
      metrics,
      draining: new Draining(),
      shedding: new Shedding(metrics.turnedAway),
      // While Redis is gone, each check is an error.
      onInternalError: once((error) => console.error(`without Redis: ${error}`)),
    },
    { headers: 'draft-11' },
  )
  return listen(app, '127.0.0.1:0')
})

/** The first time only. */
function once(report: (error: unknown) => void): (error: unknown) => void {
  let isReported = false
  return (error) => {
    if (!isReported) report(error)
    isReported = true
  }
}
