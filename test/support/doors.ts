import { buildAdminServer } from '../../src/http/admin-server.ts'
import { Draining } from '../../src/http/draining.ts'
import { buildServer } from '../../src/http/server.ts'
import { Shedding } from '../../src/http/shedding.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import type { HeaderFamily } from '../../src/rules/definition.ts'
import { rulesFrom } from '../../src/rules/load.ts'
import { MemoryNode } from './memory-node.ts'

const MINUTE_MS = 60_000

/** The rules of most tests of the doors. */
export const RULES: readonly Rule[] = [
  { name: 'per-user', limits: [{ rate: { count: 100, periodMs: MINUTE_MS }, burst: 3 }] },
  {
    name: 'login',
    limits: [
      { rate: { count: 5, periodMs: 10_000 }, burst: 5 },
      { rate: { count: 30, periodMs: 60 * MINUTE_MS }, burst: 10 },
    ],
  },
]

/** Both doors of one node in memory, not listening. Errors inside a door are collected. */
export function buildDoors(
  options: { headers?: HeaderFamily; rules?: readonly Rule[] | object; sharesDoors?: boolean } = {},
) {
  const book = rulesFrom(options.rules ?? RULES)
  const node = new MemoryNode(book)
  const metrics = createMetrics({ book })
  const draining = new Draining()
  const shedding = new Shedding(metrics.turnedAway)
  const internalErrors: unknown[] = []
  const dependencies = {
    node,
    metrics,
    draining,
    shedding,
    onInternalError: (error: unknown) => internalErrors.push(error),
  }
  const { headers, sharesDoors } = options
  const data = buildServer(dependencies, { headers, sharesDoors })
  const admin = buildAdminServer(dependencies)
  return { node, metrics, draining, shedding, internalErrors, data, admin }
}

/** `POST /v1/check` with this value as JSON, or this string as it is. */
export function postCheck(door: ReturnType<typeof buildDoors>['data'], body: unknown) {
  return door.inject({
    method: 'POST',
    url: '/v1/check',
    headers: { 'content-type': 'application/json' },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  })
}
