import { describe, expect, it } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { liveCounts } from '../support/limiters.ts'
import { VirtualCluster, type VirtualClusterOptions } from '../support/virtual-cluster.ts'

/** Two tokens a second: its slices live for minutes. */
const SLOW: Rule = { name: 'slow', limits: [{ rate: { count: 120, periodMs: 60_000 }, burst: 60 }] }
const KEYS = Array.from({ length: 40 }, (_, index) => `key-${index}`)
const COPIES = 3

function clusterOf(options: Partial<VirtualClusterOptions> = {}): VirtualCluster {
  const cluster = new VirtualCluster({ nodes: 6, rules: [SLOW], copies: COPIES, ...options })
  cluster.settle()
  cluster.advance(1_500)
  return cluster
}

function preference(cluster: VirtualCluster, key: string, at = cluster.ids[0] as NodeId): NodeId[] {
  const { limiter, replica } = cluster.node(at)
  const hash = limiter.rule('slow')?.hash(key)
  return replica.membership.placement.preference(hash?.hi ?? 0, cluster.ids.length)
}

/** Asked at the owner's own door, so that nobody is told by replies. */
function admit(cluster: VirtualCluster, keys = KEYS): void {
  for (const key of keys) {
    const [owner] = preference(cluster, key)
    cluster.check(owner as NodeId, { rule: 'slow', key, cost: 2 })
  }
}

function held(cluster: VirtualCluster, id: NodeId, key: string): string[] {
  return liveCounts(cluster.node(id).limiter, [key], cluster.nowMs, 'slow')
}

/** Of each key: whether its first holders hold the same, and who else holds anything. */
function survey(cluster: VirtualCluster, ids = cluster.ids, copies = COPIES) {
  const wrong: string[] = []
  const extra: string[] = []
  for (const key of KEYS) {
    const [owner, ...others] = preference(cluster, key, ids[0])
    const counts = held(cluster, owner as NodeId, key)
    if (counts.length === 0) wrong.push(`${key} at ${owner}`)
    others.forEach((id, index) => {
      const theirs = held(cluster, id, key)
      if (index + 1 < copies && theirs.join() !== counts.join()) wrong.push(`${key} at ${id}`)
      if (index + 1 >= copies && theirs.length > 0) extra.push(`${key} at ${id}`)
    })
  }
  return { wrong, extra }
}

describe('where keys are held by a few', () => {
  it('the counts of every key reach its owner’s successors, and nobody else', () => {
    const cluster = clusterOf()
    admit(cluster)
    cluster.advance(1_000)
    expect(survey(cluster)).toEqual({ wrong: [], extra: [] })
    cluster.advance(12_000)
    expect(survey(cluster)).toEqual({ wrong: [], extra: [] })
  })

  it('anti-entropy finds nothing to repair when nothing is lost', () => {
    const cluster = clusterOf()
    admit(cluster)
    cluster.advance(30_000)
    const repaired = cluster.ids.flatMap((id) =>
      cluster.events(id).filter((event) => event.type === 'repaired' && event.counts > 0),
    )
    expect(repaired).toEqual([])
  })

  it('whoever becomes a holder is told, of keys that rest, too', () => {
    const cluster = clusterOf()
    admit(cluster)
    cluster.advance(5_000)
    const gone = cluster.ids[2] as NodeId
    cluster.kill(gone)
    const left = cluster.ids.filter((id) => id !== gone)
    cluster.advance(2_000)
    expect(survey(cluster, left).wrong).toEqual([])
  })

  it('whoever joins is told of what it will hold, and of nothing else', () => {
    const cluster = clusterOf()
    const late = cluster.ids[3] as NodeId
    cluster.kill(late)
    cluster.advance(3_000)
    const left = cluster.ids.filter((id) => id !== late)
    for (const key of KEYS) {
      const [owner] = preference(cluster, key, left[0])
      cluster.check(owner as NodeId, { rule: 'slow', key, cost: 2 })
    }
    cluster.advance(1_000)
    cluster.start(late)
    cluster.settle()
    cluster.advance(2_000)
    expect(survey(cluster).wrong).toEqual([])
    const strange = KEYS.filter((key) => !preference(cluster, key).slice(0, COPIES).includes(late))
    expect(strange.flatMap((key) => held(cluster, late, key))).toEqual([])
  })

  it('whoever leaves tells the holders of its keys', () => {
    const cluster = clusterOf()
    const leaver = cluster.ids[1] as NodeId
    admit(cluster)
    cluster.node(leaver).leave(cluster.nowMs)
    cluster.advance(2_000)
    cluster.kill(leaver)
    cluster.advance(1_000)
    const left = cluster.ids.filter((id) => id !== leaver)
    expect(survey(cluster, left).wrong).toEqual([])
  })

  it('what a stand-in admits beyond a split comes to the holders', () => {
    const cluster = clusterOf()
    const key = KEYS[0] as string
    const order = preference(cluster, key)
    for (const a of order.slice(0, COPIES)) {
      for (const b of order.slice(COPIES)) cluster.network.cut(a, b)
    }
    const standIn = order[COPIES] as NodeId
    const answer = cluster.ask(standIn, { rule: 'slow', key, cost: 3 })
    cluster.until(() => answer() !== undefined, 2_000)
    expect(answer()).toMatchObject({ allowed: true })
    cluster.advance(8_000)
    cluster.network.healAll()
    cluster.settle()
    cluster.advance(3_000)
    for (const id of order.slice(0, COPIES)) expect(held(cluster, id, key).join()).toContain(' 3')
  })
})

describe('while nodes differ about how keys are held', () => {
  it('every key is held by its holders', () => {
    const cluster = clusterOf({ copies: { n1: 'all', n3: 'all', n2: 3, n4: 3, n5: 3, n6: 3 } })
    admit(cluster)
    cluster.advance(1_000)
    expect(survey(cluster).wrong).toEqual([])
    cluster.advance(35_000)
    expect(survey(cluster).wrong).toEqual([])
  })
})

describe('when the number of members changes how keys are held', () => {
  it('nothing is lost either way', () => {
    const cluster = clusterOf({ nodes: 4 })
    const fourth = cluster.ids[3] as NodeId
    const three = cluster.ids.slice(0, 3)
    cluster.kill(fourth)
    cluster.advance(3_000)
    for (const key of KEYS) {
      const [owner] = preference(cluster, key, three[0])
      cluster.check(owner as NodeId, { rule: 'slow', key, cost: 1 })
    }
    expect(three.some((id) => cluster.node(id).replica.copies.isScoped)).toBe(false)
    cluster.start(fourth)
    cluster.settle()
    cluster.advance(2_000)
    expect(cluster.ids.every((id) => cluster.node(id).replica.copies.isScoped)).toBe(true)
    admit(cluster)
    cluster.advance(1_000)
    expect(survey(cluster).wrong).toEqual([])
    const first = three[0] as NodeId
    cluster.node(first).leave(cluster.nowMs)
    cluster.advance(1_000)
    cluster.kill(first)
    cluster.advance(2_000)
    const left = cluster.ids.slice(1)
    expect(left.some((id) => cluster.node(id).replica.copies.isScoped)).toBe(false)
    expect(survey(cluster, left).wrong).toEqual([])
    for (const key of KEYS) {
      const tokens = held(cluster, fourth, key).map((count) => Number(count.split(' ').at(-1)))
      expect(tokens.reduce((sum, count) => sum + count, 0)).toBe(3)
    }
  })
})
