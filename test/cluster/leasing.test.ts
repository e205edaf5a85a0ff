import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { VirtualCluster } from '../support/virtual-cluster.ts'

// Leases in a cluster: who grants them, who spends them, and when there are none.

const [n1, n2] = ['n1', 'n2'] as NodeId[] as [NodeId, NodeId]

function hot(count = 1_000, leases = true): Rule {
  return { name: 'demo', limits: [{ rate: { count, periodMs: 1_000 }, burst: count }], leases }
}

function start(rule: Rule) {
  const cluster = new VirtualCluster({ nodes: 3, rules: [rule] })
  cluster.settle()
  cluster.advance(2_000)
  const key = cluster.keyOwnedBy(n1)
  /** A check at n2 every 2 ms; how they were decided. */
  const ask = (checks: number) => {
    const decided: string[] = []
    for (let asked = 0; asked < checks; asked++) {
      const answer = cluster.ask(n2, { rule: 'demo', key, cost: 1 })
      cluster.pump()
      decided.push(answer()?.decidedBy ?? 'owner')
      cluster.advance(2)
    }
    return decided
  }
  return { cluster, key, ask }
}

const share = (decided: readonly string[], by: string) =>
  decided.filter((one) => one === by).length / decided.length

describe('a hot key', () => {
  test('that the owner refuses is answered from what is leased, to its end', () => {
    const { cluster, key } = start(hot())
    const request = { rule: 'demo', key, cost: 1 }
    for (let asked = 0; asked < 300; asked++) {
      cluster.check(n2, request)
      cluster.advance(2)
    }
    cluster.adjust(n1, 'penalise', { ...request, cost: 1_500 })
    const answers = Array.from({ length: 60 }, () => {
      const answer = cluster.check(n2, request)
      cluster.advance(1)
      return answer
    })
    const leased = answers.filter(({ decidedBy }) => decidedBy === 'lease')
    expect(leased.at(-1)).toMatchObject({ allowed: true, remaining: 0 })
  })

  test('is answered from leases, and its answers say so', () => {
    const { cluster, key, ask } = start(hot())
    ask(100)
    const decided = ask(400)
    expect(share(decided, 'lease')).toBeGreaterThan(0.9)
    const request = { rule: 'demo', key, cost: 1 }
    const answers = Array.from({ length: 5 }, () => cluster.check(n2, request))
    const leased = answers.find(({ decidedBy }) => decidedBy === 'lease')
    expect(leased).toMatchObject({
      allowed: true,
      reason: 'under_limit',
      consistency: 'exact',
      overshootBound: 0,
      owner: 'n1',
      node: 'n2',
    })
    expect(leased?.remaining).toBeLessThan(60)
  })

  test('of a rule without leases is forwarded check by check', () => {
    const { ask } = start(hot(1_000, false))
    expect(share(ask(300), 'lease')).toBe(0)
  })

  test('is peeked at and corrected at its owner, whatever is leased', () => {
    const { cluster, key, ask } = start(hot())
    ask(200)
    const peek = cluster.check(n2, { rule: 'demo', key, cost: 0 })
    expect(peek).toMatchObject({ decidedBy: 'owner' })
    const after = cluster.adjust(n2, 'penalise', { rule: 'demo', key, cost: 500 })
    expect(after.decidedBy).toBe('owner')
    expect(after.remaining).toBeLessThan(peek.remaining - 400)
  })

  test('that is nearly used up is not leased', () => {
    const { ask } = start(hot(10))
    expect(share(ask(200), 'lease')).toBe(0)
  })

  test('is not leased before a death is proven, nor right after a change of the ring', () => {
    const { cluster, ask } = start(hot())
    expect(share(ask(200), 'lease')).toBeGreaterThan(0.7)
    cluster.kill('n3' as NodeId)
    cluster.advance(150)
    expect(share(ask(50), 'lease')).toBe(0)
  })

  test('is leased by nobody when the rules have changed, until its owner grants anew', () => {
    const { cluster, key, ask } = start(hot())
    ask(200)
    const request = { rule: 'demo', key, cost: 1 }
    cluster.node(n2).changeRules([hot()], cluster.nowMs)
    expect(cluster.check(n2, request).decidedBy).toBe('owner')
    ask(100)
    expect(share(ask(200), 'lease')).toBeGreaterThan(0.8)
    for (const id of cluster.ids) cluster.node(id).changeRules([hot(1_000, false)], cluster.nowMs)
    expect(share(ask(200), 'lease')).toBe(0)
  })
})
