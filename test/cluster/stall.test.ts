import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import { VirtualCluster } from '../support/virtual-cluster.ts'

// A process that was stopped for seconds does not know what others decided meanwhile.

const n1 = 'n1' as NodeId
const n2 = 'n2' as NodeId
const BURST = 100

function stopped(forMs: number) {
  const cluster = new VirtualCluster({
    nodes: 3,
    rules: [
      { name: 'demo', limits: [{ rate: { count: BURST, periodMs: 3_600_000 }, burst: BURST }] },
    ],
  })
  cluster.settle()
  const key = cluster.keyOwnedBy(n1)
  const ask = (node: NodeId) => cluster.ask(node, { rule: 'demo', key, cost: 1 })
  cluster.stop(n1)
  const asked: ReturnType<typeof ask>[] = []
  for (let second = 0; second * 1_000 < forMs; second++) {
    for (let check = 0; check < BURST; check++) asked.push(ask(n2))
    cluster.advance(1_000)
  }
  const admitted = () => asked.filter((answer) => answer()?.allowed === true).length
  return { cluster, ask, asked, admitted }
}

describe('an owner that wakes after 5 s', () => {
  test('learns what others admitted before it decides, whatever it is asked first', () => {
    const { cluster, ask, asked, admitted } = stopped(5_000)
    const before = admitted()
    expect(before).toBeGreaterThan(0)
    const { catchUp } = cluster.resume(n1)
    for (let check = 0; check < BURST; check++) asked.push(ask(n1))
    catchUp()
    cluster.advance(500)
    expect(asked.every((answer) => answer() !== undefined)).toBe(true)
    expect(admitted()).toBeLessThanOrEqual(BURST)
  })

  test('answers within the time that a hand-off may take', () => {
    const { cluster, ask } = stopped(5_000)
    const { catchUp } = cluster.resume(n1)
    const answer = ask(n1)
    catchUp()
    cluster.advance(110)
    expect(answer()).toBeDefined()
  })
})

test('an owner that was stopped for less than a second decides at once', () => {
  const { cluster, ask } = stopped(900)
  cluster.resume(n1)
  expect(ask(n1)()).toBeDefined()
})

test('a node that is all alone has nobody to learn from', () => {
  const cluster = new VirtualCluster({ nodes: 1 })
  cluster.settle()
  cluster.stop(n1)
  cluster.advance(5_000)
  cluster.resume(n1)
  expect(cluster.ask(n1, { rule: 'demo', key: 'k', cost: 1 })()).toMatchObject({ allowed: true })
})
