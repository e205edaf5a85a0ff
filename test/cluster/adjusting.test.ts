import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import { VirtualCluster } from '../support/virtual-cluster.ts'

const [n1, n2, n3] = ['n1', 'n2', 'n3'] as unknown as [NodeId, NodeId, NodeId]

/** Three nodes, and a key of the first that has just been used up: a token comes back every 10 ms. */
function usedUp(): { made: VirtualCluster; key: string } {
  const made = new VirtualCluster({ nodes: 3 })
  made.settle()
  const key = made.keyOwnedBy(n1)
  expect(made.check(n2, { rule: 'demo', key, cost: 100 }).allowed).toBe(true)
  return { made, key }
}

describe('a refund', () => {
  test('may be asked for at any node', () => {
    const { made, key } = usedUp()
    const answer = made.adjust(n2, 'refund', { rule: 'demo', key, cost: 40 })
    expect(answer).toMatchObject({ allowed: true, decidedBy: 'owner', owner: 'n1', node: 'n2' })
    expect(answer.remaining).toBeGreaterThanOrEqual(40)
    expect(made.check(n3, { rule: 'demo', key, cost: 40 }).allowed).toBe(true)
  })

  test('ends what every node remembers of refusals, those that only hear of it within a gossip interval', () => {
    const { made, key } = usedUp()
    const all = { rule: 'demo', key, cost: 100 }
    for (const id of [n2, n3]) expect(made.check(id, all).allowed).toBe(false)
    expect(made.check(n3, all)).toMatchObject({ allowed: false, decidedBy: 'cache' })
    made.adjust(n2, 'refund', all)
    expect(made.check(n2, { ...all, cost: 1 })).toMatchObject({ allowed: true, decidedBy: 'owner' })
    made.adjust(n2, 'refund', all)
    made.advance(100)
    expect(made.check(n3, all)).toMatchObject({ allowed: true, decidedBy: 'owner' })
  })

  test('is known to whoever decides when the owner has died', () => {
    const { made, key } = usedUp()
    made.adjust(n2, 'refund', { rule: 'demo', key, cost: 60 })
    made.kill(n1)
    const answer = made.check(n2, { rule: 'demo', key, cost: 0 })
    expect(answer.decidedBy).not.toBe('owner')
    // Two of three share what is left of sixty.
    expect(answer.remaining).toBeGreaterThanOrEqual(39)
    expect(answer.remaining).toBeLessThanOrEqual(43)
  })
})

test('a reset begins the key anew, on all nodes', () => {
  const { made, key } = usedUp()
  const answer = made.adjust(n3, 'reset', { rule: 'demo', key, cost: 0 })
  expect(answer).toMatchObject({ remaining: 100, resetMs: 0 })
  expect(made.check(n2, { rule: 'demo', key, cost: 100 }).allowed).toBe(true)
})

test('a penalty is owed, above the burst if need be', () => {
  const { made, key } = usedUp()
  made.adjust(n3, 'penalise', { rule: 'demo', key, cost: 300 })
  const refused = made.check(n2, { rule: 'demo', key, cost: 1 })
  expect(refused).toMatchObject({ allowed: false, remaining: 0 })
  // Of 300 tokens what drains in the time for which counts are kept: 18 slices of 125 ms, and the burst.
  expect(refused.retryAfterMs).toBeGreaterThan(2_200)
  expect(refused.retryAfterMs).toBeLessThanOrEqual(2_260)
})

test('what is not a whole number changes nothing', () => {
  const { made, key } = usedUp()
  const request = { rule: 'demo', key, cost: -3 }
  expect(() => made.adjust(n2, 'refund', request)).toThrow('must be a whole number')
  expect(made.check(n2, { rule: 'demo', key, cost: 50 }).allowed).toBe(false)
})

describe('what is undone', () => {
  const ALGORITHM = { type: 'sliding-window' } as const
  const WINDOW = { rate: { count: 10, periodMs: 60_000 }, burst: 10, algorithm: ALGORITHM }

  /** Of 3 and then 2 tokens of a window the ones so old are given back, by way of another node; then the 3 are past. */
  function leftWhen(cost: number, ageMs: number): number {
    const made = new VirtualCluster({ nodes: 3, rules: [{ name: 'demo', limits: [WINDOW] }] })
    made.settle()
    const key = made.keyOwnedBy(n1)
    made.check(n2, { rule: 'demo', key, cost: 3 })
    made.advance(20_000)
    made.check(n2, { rule: 'demo', key, cost: 2 })
    made.adjust(n2, 'undo', { rule: 'demo', key, cost, ageMs })
    made.advance(43_000)
    return made.check(n3, { rule: 'demo', key, cost: 0 }).remaining
  }

  test('is of the time when it was taken', () => {
    expect(leftWhen(2, 0)).toBe(10)
    expect(leftWhen(3, 20_000)).toBe(8)
  })

  test('and is past already, is not of what was taken since', () => {
    expect(leftWhen(2, 90_000)).toBe(8)
  })
})
