import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { VirtualCluster } from '../support/virtual-cluster.ts'

// Limits that change in a cluster, node by node, while a key is in use.

const n1 = 'n1' as NodeId
const n2 = 'n2' as NodeId
const HOUR_MS = 3_600_000

const perHour = (count: number, burst = count): Rule => ({
  name: 'demo',
  limits: [{ rate: { count, periodMs: HOUR_MS }, burst }],
})

/** Equal slices for the first, others for the second. */
describe.each([
  ['a limit twice as high', perHour(200)],
  ['a smaller burst', perHour(100, 60)],
])('%s', (_, after) => {
  const burst = after.limits[0]?.burst ?? 0

  function start() {
    const cluster = new VirtualCluster({ nodes: 3, rules: [perHour(100)] })
    cluster.settle()
    const key = cluster.keyOwnedBy(n1)
    const check = (node: NodeId, cost: number) => cluster.check(node, { rule: 'demo', key, cost })
    expect(check(n2, 40)).toMatchObject({ allowed: true, remaining: 60 })
    cluster.advance(1_000)
    const change = (node: NodeId) => cluster.node(node).changeRules([after], cluster.nowMs)
    return { cluster, check, change }
  }

  test('keeps what was consumed, whoever is told first', () => {
    for (const order of [cluster3, [...cluster3].reverse()]) {
      const { cluster, check, change } = start()
      for (const node of order) {
        change(node)
        cluster.advance(300)
        expect(check(n2, 1)).toMatchObject({ allowed: true })
      }
      cluster.advance(1_000)
      for (const node of cluster3) expect(check(node, 0).remaining).toBe(burst - 43)
    }
  })

  test('keeps it when the owner dies right after its change', () => {
    const { cluster, check, change } = start()
    for (const node of cluster3) change(node)
    cluster.kill(n1)
    cluster.advance(10)
    const { remaining } = check(n2, 0)
    expect(remaining).toBeLessThanOrEqual(burst - 40)
    expect(remaining).toBeGreaterThanOrEqual(burst - 40 - burst / 8)
  })

  test('keeps it when the owner dies before others are told', () => {
    const { cluster, check, change } = start()
    change(n1)
    cluster.advance(200)
    cluster.kill(n1)
    cluster.advance(10)
    for (const node of cluster3.slice(1)) change(node)
    expect(check(n2, 0).remaining).toBeLessThanOrEqual(burst - 40)
  })
})

const cluster3 = ['n1', 'n2', 'n3'] as NodeId[]

test('a refusal that was remembered ends with the limit that made it', () => {
  const cluster = new VirtualCluster({ nodes: 3, rules: [perHour(1)] })
  cluster.settle()
  const request = { rule: 'demo', key: cluster.keyOwnedBy(n1), cost: 1 }
  cluster.check(n2, request)
  expect(cluster.check(n2, request)).toMatchObject({ allowed: false })
  expect(cluster.check(n2, request)).toMatchObject({ allowed: false, decidedBy: 'cache' })
  for (const node of cluster3) cluster.node(node).changeRules([perHour(3)], cluster.nowMs)
  expect(cluster.check(n2, request)).toMatchObject({ allowed: true, remaining: 1 })
})

test('a rule that is new to its owner is decided where it is asked for until the owner knows it', () => {
  const cluster = new VirtualCluster({ nodes: 3, rules: [perHour(5)] })
  cluster.settle()
  const fresh: Rule = { ...perHour(10), name: 'fresh' }
  const both = [perHour(5), fresh]
  cluster.node(n2).changeRules(both, cluster.nowMs)
  const check = (node: NodeId, cost: number) =>
    cluster.check(node, { rule: 'fresh', key: cluster.keyOwnedBy(n1), cost })
  expect(check(n2, 4)).toMatchObject({ allowed: true, decidedBy: 'replica' })
  for (const node of cluster3) cluster.node(node).changeRules(both, cluster.nowMs)
  cluster.advance(6_000)
  for (const node of cluster3) {
    expect(check(node, 0).remaining).toBe(6)
  }
})
