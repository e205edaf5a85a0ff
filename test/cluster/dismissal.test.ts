import { describe, expect, it } from 'vitest'
import type { Reach } from '../../cluster/partition-policy.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { VirtualCluster } from '../support/virtual-cluster.ts'

// An operator's word that a member is gone for good.

const [n1, n2, n3, n4, n5] = ['n1', 'n2', 'n3', 'n4', 'n5'] as NodeId[] as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]
const DEAD_WITHIN_MS = 6_000

function clusterOf(nodes: number, options: { forgetAfterMs?: number } = {}): VirtualCluster {
  const cluster = new VirtualCluster({ nodes, ...options })
  cluster.settle()
  return cluster
}

/** Whose host vanishes without a word: no reset, no refusal. */
function vanish(cluster: VirtualCluster, ...gone: readonly NodeId[]): void {
  for (const id of gone) for (const other of cluster.ids) cut(cluster, id, other)
  cluster.advance(DEAD_WITHIN_MS)
}

function cut(cluster: VirtualCluster, a: NodeId, b: NodeId): void {
  if (a === b) return
  cluster.network.cut(a, b)
  cluster.hangUp(a, b)
}

/** Cut from each other, and each side in itself whole. */
function split(cluster: VirtualCluster, ...sides: readonly (readonly NodeId[])[]): void {
  for (const a of sides) {
    for (const b of sides)
      if (a !== b) for (const id of a) for (const other of b) cut(cluster, id, other)
  }
  cluster.advance(DEAD_WITHIN_MS)
}

function reachOf(cluster: VirtualCluster, id: NodeId): Pick<Reach, 'reached' | 'members'> {
  const { reached, members } = cluster.node(id).replica.reaching.asOwner(cluster.nowMs)
  return { reached, members }
}

function dismiss(cluster: VirtualCluster, at: NodeId, gone: NodeId): string {
  return cluster.node(at).replica.membership.dismiss(gone, cluster.nowMs)
}

function stateOf(cluster: VirtualCluster, at: NodeId, of: NodeId): string | undefined {
  return cluster.node(at).replica.membership.record(of)?.state
}

describe('a member that an operator says is gone', () => {
  it('is weighed by nobody who hears of it, and by nobody before', () => {
    const cluster = clusterOf(5)
    vanish(cluster, n4, n5)
    for (const id of [n1, n2, n3]) {
      expect(reachOf(cluster, id)).toEqual({ reached: 3, members: 5 })
    }
    expect(dismiss(cluster, n1, n4)).toBe('dismissed')
    expect(reachOf(cluster, n1)).toEqual({ reached: 3, members: 4 })
    expect(reachOf(cluster, n2)).toEqual({ reached: 3, members: 5 })
    cluster.advance(1_000)
    for (const id of [n1, n2, n3]) {
      expect(stateOf(cluster, id, n4)).toBe('left')
      expect(reachOf(cluster, id)).toEqual({ reached: 3, members: 4 })
    }
    expect(dismiss(cluster, n2, n5)).toBe('dismissed')
    cluster.advance(1_000)
    for (const id of [n1, n2, n3]) {
      expect(cluster.node(id).replica.reaching.isWhole(cluster.nowMs)).toBe(true)
    }
  })

  it('leaves the rest of a broken cluster its full limits', () => {
    const cluster = clusterOf(3)
    vanish(cluster, n2, n3)
    const key = cluster.keyOwnedBy(n1)
    expect(cluster.check(n1, { rule: 'demo', key, cost: 1 }).consistency).toBe('partitioned')
    for (const gone of [n2, n3]) dismiss(cluster, n1, gone)
    expect(cluster.check(n1, { rule: 'demo', key, cost: 90 })).toMatchObject({
      allowed: true,
      consistency: 'exact',
    })
  })

  it('is not believed to be gone while it is linked, heard, or the node itself', () => {
    const cluster = clusterOf(3)
    expect(dismiss(cluster, n1, n2)).toBe('alive')
    expect(dismiss(cluster, n1, n1)).toBe('alive')
    expect(dismiss(cluster, n1, 'n9' as NodeId)).toBe('unknown')
    // n1 and n3 cannot talk, and each hears what the other tells n2.
    cut(cluster, n1, n3)
    cluster.advance(DEAD_WITHIN_MS)
    expect(dismiss(cluster, n1, n3)).toBe('alive')
    expect(stateOf(cluster, n1, n3)).toBe('active')
  })

  it('is told of again when it is said again: to those who could not hear it the first time', () => {
    const cluster = clusterOf(4)
    vanish(cluster, n4)
    split(cluster, [n1], [n2, n3])
    dismiss(cluster, n1, n4)
    cluster.advance(5_000)
    expect(stateOf(cluster, n2, n4)).toBe('dead')
    cluster.network.healAll()
    // Its host is still gone.
    for (const other of [n1, n2, n3]) cut(cluster, n4, other)
    cluster.advance(5_000)
    expect(dismiss(cluster, n1, n4)).toBe('dismissed')
    cluster.advance(2_000)
    for (const id of [n1, n2, n3]) {
      expect(reachOf(cluster, id)).toEqual({ reached: 3, members: 3 })
    }
  })

  it('is not brought back by those who still hold its former record', () => {
    const cluster = clusterOf(4)
    vanish(cluster, n4)
    split(cluster, [n1, n2], [n3])
    dismiss(cluster, n1, n4)
    cluster.advance(1_000)
    cluster.network.healAll()
    for (const other of [n1, n2, n3]) cut(cluster, n4, other)
    cluster.advance(10_000)
    expect(stateOf(cluster, n1, n4)).toBe('left')
    expect(stateOf(cluster, n3, n4)).toBe('left')
  })
})

describe('a member that lives although an operator says that it is gone', () => {
  it('denies it when it lives after all, and is back with all its keys', () => {
    const cluster = clusterOf(4)
    split(cluster, [n1, n2], [n3, n4])
    expect(reachOf(cluster, n1)).toEqual({ reached: 2, members: 4 })
    for (const gone of [n3, n4]) expect(dismiss(cluster, n1, gone)).toBe('dismissed')
    cluster.advance(1_000)
    // One side believes that it is all there is; the other still knows better.
    expect(reachOf(cluster, n2)).toEqual({ reached: 2, members: 2 })
    expect(reachOf(cluster, n3)).toEqual({ reached: 2, members: 4 })

    cluster.network.healAll()
    cluster.settle()
    for (const id of cluster.ids) {
      expect(reachOf(cluster, id)).toEqual({ reached: 4, members: 4 })
      expect(stateOf(cluster, id, n3)).toBe('active')
    }
    expect(cluster.node(n3).replica.membership.self.refutation).toBeGreaterThan(0)
    const views = cluster.ids.map((id) => cluster.node(id).replica.membership.view)
    expect(new Set(views).size).toBe(1)
  })

  it('is back when both sides said it of each other', () => {
    const cluster = clusterOf(4)
    split(cluster, [n1, n2], [n3, n4])
    for (const [at, gone] of [
      [n1, [n3, n4]],
      [n3, [n1, n2]],
    ] as const) {
      for (const id of gone) dismiss(cluster, at, id)
    }
    cluster.advance(1_000)
    for (const id of cluster.ids) expect(reachOf(cluster, id)).toEqual({ reached: 2, members: 2 })
    cluster.network.healAll()
    cluster.settle()
    for (const id of cluster.ids) expect(reachOf(cluster, id)).toEqual({ reached: 4, members: 4 })
  })
})

describe('a member that is gone without a word', () => {
  it('is weighed until it is forgotten, after the time that the cluster is told', () => {
    const cluster = clusterOf(3, { forgetAfterMs: 60_000 })
    vanish(cluster, n3)
    cluster.advance(50_000)
    expect(reachOf(cluster, n1)).toEqual({ reached: 2, members: 3 })
    cluster.advance(12_000)
    for (const id of [n1, n2]) expect(reachOf(cluster, id)).toEqual({ reached: 2, members: 2 })
  })
})
