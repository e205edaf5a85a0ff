import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { admitted, load, spanSeconds } from '../support/load.ts'
import { RealCluster } from '../support/real-cluster.ts'

// Three real processes that all decide the same key. What clients saw is the only evidence.

const NODES = 3
const RATE = 100
const BURST = 99
/** (N - 1)·q. */
const AHEAD = ((NODES - 1) * BURST) / NODES
const RULES = `version: 1
rules:
  - name: near
    limits: [{ rate: ${RATE}/s, burst: ${BURST} }]
    decided_by: local
`

let cluster: RealCluster

beforeAll(async () => {
  cluster = await RealCluster.start(NODES, RULES)
})
afterAll(async () => cluster.stop())

describe('three nodes that all decide a key', () => {
  test('answer by themselves, and admit no more above the limit than they may be ahead of each other', async () => {
    const urls = cluster.nodes.map(({ url }) => url)
    const from = { urls, rule: 'near', workers: 3, connections: 3 }
    await load({ ...from, key: 'warm', durationMs: 1_000 })
    const log = await load({ ...from, key: 'hot', durationMs: 3_000 })
    const accepted = admitted(log)
    // On a machine that is full a node turns checks away, or is out of step now and then and waits.
    const decided = log.filter(({ status }) => status !== 503)
    expect(decided.every(({ status }) => status === 200)).toBe(true)
    expect(decided.every(({ decidedBy }) => decidedBy === 'local')).toBe(true)
    expect(accepted).toBeLessThanOrEqual(BURST + RATE * spanSeconds(log) + AHEAD + 1)
    expect(accepted).toBeGreaterThan(BURST)
  })
})
