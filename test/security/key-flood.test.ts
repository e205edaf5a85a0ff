import { describe, expect, it } from 'vitest'
import { COUNT_NUMBERS_MAX } from '../../cluster/limits.ts'
import type { Message } from '../../cluster/message.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { sliceAt } from '../../crdt/sliced-counter.ts'
import { createNode } from '../../src/index.ts'
import type { Limit } from '../../src/limiter/limit.ts'
import { attackedCluster, deliver } from '../support/attacked-cluster.ts'

// New keys without end take no more memory than was set aside, and do not free who is being refused.

const KEYS_MAX = 1_000
const FLOOD = 20 * KEYS_MAX
/** Of all tables, generously: 20,000 keys beyond the ceiling would take several times as much. */
const GROWTH_BYTES_MAX = 64 * 1024 ** 2

describe('a flood of new keys', () => {
  it('over HTTP stays within the ceiling, and refuses whom it refused before', async () => {
    const rules = [{ name: 'slow', limits: [{ rate: { count: 5, periodMs: 600_000 }, burst: 5 }] }]
    const node = await createNode({ rules, keysMax: KEYS_MAX })
    const checks = (from: number) =>
      Array.from({ length: KEYS_MAX }, (_, index) => ({ rule: 'slow', key: `k${from + index}` }))
    const watched = { rule: 'slow', key: 'watched' }
    for (let taken = 0; taken < 5; taken++) await node.check(watched)
    expect(await node.check(watched)).toMatchObject({ allowed: false, reason: 'over_limit' })
    const before = process.memoryUsage().rss
    for (let from = 0; from < FLOOD; from += KEYS_MAX) {
      const reply = await node.app.inject({
        method: 'POST',
        url: '/v1/check',
        payload: { checks: checks(from) },
      })
      expect(reply.statusCode).toBe(200)
      expect(await node.check(watched)).toMatchObject({ allowed: false })
    }
    const { body } = await node.app.inject('/metrics')
    expect(Number(/^rate_limiter_keys (\d+)$/m.exec(body)?.[1])).toBeLessThanOrEqual(KEYS_MAX)
    expect(Number(/^rate_limiter_keys_evicted_total (\d+)$/m.exec(body)?.[1])).toBeGreaterThan(0)
    expect(process.memoryUsage().rss - before).toBeLessThan(GROWTH_BYTES_MAX)
    await node.close()
  })

  it('in gossip stays within the ceiling, and refuses whom it refused before', () => {
    const { made, victim } = attackedCluster({ keysMax: KEYS_MAX })
    const [n1, n2] = ['n1', 'n2'] as [NodeId, NodeId]
    const key = made.keyOwnedBy(n1)
    while (made.check(n1, { rule: 'demo', key, cost: 1 }).allowed);
    const table = victim.limiter.rule('demo')?.store.table
    const before = process.memoryUsage().rss
    for (let from = 0; from < FLOOD; ) {
      const { message, keys } = told(from)
      deliver(victim, n2, message, made.nowMs)
      from += keys
      expect(table?.keys).toBeLessThanOrEqual(KEYS_MAX)
    }
    expect(victim.check({ rule: 'demo', key, cost: 1 }, made.nowMs)).toMatchObject({
      allowed: false,
    })
    expect(process.memoryUsage().rss - before).toBeLessThan(GROWTH_BYTES_MAX)

    /** As many keys as a frame holds, each with one token. */
    function told(from: number): { message: Message; keys: number } {
      const limit = victim.limiter.rule('demo')?.store.limits[0] as Limit
      const { incarnation } = made.node(n2).replica.membership.self
      const keys = Math.floor(COUNT_NUMBERS_MAX / 6)
      const entries = Array.from({ length: keys }, (_, index) => [from + index, 7, 0, 0, 1, 1])
      const base = [sliceAt(limit, made.nowMs)]
      const block = { rule: 'demo', sliceMs: [limit.sliceMs], base, entries: entries.flat() }
      const counts = { actors: [{ node: n2, incarnation }], blocks: [block] }
      const head = { type: 'gossip', incarnation, sequence: from, sentMs: made.nowMs } as const
      return { message: { ...head, view: 0, members: [], counts }, keys }
    }
  })
})
