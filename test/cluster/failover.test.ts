import { describe, expect, it } from 'vitest'
import { GOSSIP_INTERVAL_MS, SUSPECT_MISSED_TICKS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Answer } from '../../src/limiter/check.ts'
import { VirtualCluster } from '../support/virtual-cluster.ts'

/** No check may take longer, whatever happens to the network. */
const DEADLINE_MS = 600
const n1 = 'n1' as NodeId

function cluster(nodes: number): VirtualCluster {
  const made = new VirtualCluster({ nodes })
  made.settle()
  return made
}

/** A key whose preference list ends with this node. */
function keyLastAt(made: VirtualCluster, id: NodeId): string {
  const node = made.node(id)
  const { placement } = node.replica.membership
  for (let number = 0; ; number++) {
    const hash = node.limiter.rule('demo')?.hash(`key-${number}`)
    if (placement.preference(hash?.hi ?? 0, made.ids.length).at(-1) === id) return `key-${number}`
  }
}

/** How long the answer takes. */
function timed(made: VirtualCluster, id: NodeId, key: string): { answer: Answer; tookMs: number } {
  const askedMs = made.nowMs
  const answer = made.check(id, { rule: 'demo', key, cost: 1 })
  return { answer, tookMs: made.nowMs - askedMs }
}

describe('a check (invariant 13)', () => {
  it.each([3, 5, 9])(
    'is answered in time on a node that is cut off from %d nodes at once',
    (nodes) => {
      const made = cluster(nodes)
      const key = keyLastAt(made, n1)
      made.network.silence(n1)
      const { answer, tookMs } = timed(made, n1, key)
      expect(tookMs).toBeLessThanOrEqual(DEADLINE_MS)
      expect(answer).toMatchObject({ allowed: true, consistency: 'degraded' })
      expect(answer.overshootBound).toBeGreaterThan(0)
    },
  )

  it('says which share of its limit this side of the network gives out', () => {
    const made = cluster(3)
    const key = made.keyOwnedBy(n1)
    expect(timed(made, n1, key).answer).toMatchObject({ consistency: 'exact', weight: 1 })
    made.network.silence(n1)
    made.advance((SUSPECT_MISSED_TICKS + 1) * GOSSIP_INTERVAL_MS)
    const { answer } = timed(made, n1, key)
    expect(answer).toMatchObject({ decidedBy: 'owner', consistency: 'partitioned', weight: 1 / 3 })
    const far = timed(made, made.ids[1] as NodeId, key).answer
    expect(far).toMatchObject({ decidedBy: 'replica', consistency: 'partitioned', weight: 2 / 3 })
  })

  it('is answered at once on a node whose peers have all been killed', () => {
    const made = cluster(3)
    const key = keyLastAt(made, n1)
    for (const id of made.ids.slice(1)) made.kill(id)
    made.advance(5)
    const { answer, tookMs } = timed(made, n1, key)
    expect(tookMs).toBe(0)
    expect(answer).toMatchObject({ allowed: true, consistency: 'exact' })
  })

  it("fails over within the turn in which its owner's link is lost", () => {
    const made = cluster(3)
    const key = made.keyOwnedBy(n1)
    made.network.silence(n1)
    const asked = made.ask('n2' as NodeId, { rule: 'demo', key, cost: 1 })
    made.advance(20)
    expect(asked()).toBeUndefined()
    made.network.healAll()
    made.kill(n1)
    made.advance(4)
    expect(asked()?.allowed).toBe(true)
  })

  it('is answered while the node joins, and while it leaves', () => {
    const made = new VirtualCluster({ nodes: 3 })
    expect(timed(made, n1, 'key').answer.decidedBy).toBe('replica')
    made.settle()
    const key = made.keyOwnedBy(n1)
    made.node(n1).leave(made.nowMs)
    made.pump()
    made.advance(5)
    const { answer, tookMs } = timed(made, n1, key)
    expect(tookMs).toBeLessThan(20)
    expect(answer).toMatchObject({ decidedBy: 'owner', consistency: 'exact' })
    expect(answer.owner).not.toBe('n1')
  })
})

describe('a late answer (invariant 25)', () => {
  it('changes no answer that was given, and settles nothing', () => {
    const made = cluster(3)
    const key = made.keyOwnedBy(n1)
    const asking = made.ids[1] as NodeId
    for (const [from, to] of [
      [n1, asking],
      [asking, n1],
    ] as const) {
      made.network.setDelay(from, to, { minMs: 200, maxMs: 200 })
    }
    const asked = made.ask(asking, { rule: 'demo', key, cost: 1 })
    made.pump()
    made.until(() => asked() !== undefined, DEADLINE_MS)
    const given = asked()
    expect(given?.decidedBy).toBe('replica')
    const before = made.events(asking).length
    made.advance(1_000)
    const since = made.events(asking).slice(before)
    expect(since.filter((event) => event.type === 'forwarded').map(({ result }) => result)).toEqual(
      ['late'],
    )
    expect(asked()).toBe(given)
    expect(made.node(asking).replica.pending).toBe(0)
  })
})

describe('a probe', () => {
  it('of a peer that does not answer holds up one check at a time', () => {
    const made = cluster(3)
    const key = made.keyOwnedBy(n1)
    made.network.silence(n1)
    const asking = made.ids[1] as NodeId
    const slow: number[] = []
    for (let check = 0; check < 100; check++) {
      const { tookMs } = timed(made, asking, key)
      if (tookMs >= 100) slow.push(check)
      made.advance(10)
    }
    // The misses that open the breaker, and then one probe in every quarter of a second or more.
    expect(slow.length).toBeLessThan(20)
    expect(slow.slice(0, 3)).toEqual([0, 1, 2])
  })
})
