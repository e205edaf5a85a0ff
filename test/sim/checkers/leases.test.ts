import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../../crdt/node-id.ts'
import { leases } from '../../../sim/checkers/leases.ts'
import type { LimitPolicy } from '../../../src/limiter/policy.ts'
import { type Stage, stage } from './stage.ts'

const [n1, n2] = ['n1', 'n2'] as NodeId[] as [NodeId, NodeId]

/** A node counts tokens for another, which may give them out for so long. */
function grant({ world }: Stage, cost: number, forMs = 100): void {
  const key = world.keyName('demo', 'hot')
  const lease = { type: 'granted', to: n2, forMs } as const
  world.ledger.decided({ atMs: world.nowMs, node: n1, rule: 'demo', key, cost, lease })
}

function spend({ world }: Stage, cost: number): void {
  const key = world.keyName('demo', 'hot')
  const lease = { type: 'spent' } as const
  world.ledger.decided({ atMs: world.nowMs, node: n2, rule: 'demo', key, cost, lease })
}

const quiet = { workload: [] }

describe('leases (26)', () => {
  test('that are kept are nothing to find', () => {
    const scene = stage(leases, quiet)
    grant(scene, 20)
    scene.run(50)
    grant(scene, 20)
    spend(scene, 25)
    scene.run(60)
    spend(scene, 15)
    expect(scene.found).toEqual([])
  })

  test('of fewer tokens than are given out are found', () => {
    const scene = stage(leases, quiet)
    grant(scene, 20)
    spend(scene, 21)
    expect(scene.found).toHaveLength(1)
  })

  test('that are over are found when they are spent', () => {
    const scene = stage(leases, quiet)
    grant(scene, 20)
    scene.run(100)
    spend(scene, 1)
    expect(scene.found).toHaveLength(1)
  })

  test('that are for too long, or of more than half of the burst, are found', () => {
    const scene = stage(leases, quiet)
    grant(scene, 20, 101)
    expect(scene.found).toHaveLength(1)
    grant(scene, 31)
    expect(scene.found).toHaveLength(2)
  })

  test('that are given out in another window are found', () => {
    const limit: LimitPolicy = {
      rate: { count: 100, periodMs: 1_000 },
      burst: 100,
      algorithm: { type: 'fixed-window', opens: 'aligned' },
    }
    const scene = stage(leases, { ...quiet, rules: [{ name: 'demo', limits: [limit] }] })
    scene.run(950 - (scene.world.nowMs % 1_000))
    grant(scene, 20)
    scene.run(40)
    spend(scene, 1)
    expect(scene.found).toEqual([])
    scene.run(20)
    spend(scene, 1)
    expect(scene.found).toHaveLength(1)
  })

  test('of an earlier life of their holder are found', () => {
    const scene = stage(leases, quiet)
    grant(scene, 20)
    scene.world.kill(n2)
    scene.world.revive(n2)
    spend(scene, 1)
    expect(scene.found).toHaveLength(1)
  })
})
