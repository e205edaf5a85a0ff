import { afterEach, describe, expect, test, vi } from 'vitest'
import type { NodeId } from '../../../crdt/node-id.ts'
import { sliceAt } from '../../../crdt/sliced-counter.ts'
import { converged } from '../../../sim/checkers/converged.ts'
import { determinism } from '../../../sim/checkers/determinism.ts'
import { foldSafety, foldTightness } from '../../../sim/checkers/fold-bounds.ts'
import { mergeLaws } from '../../../sim/checkers/merge-laws.ts'
import { monotone } from '../../../sim/checkers/monotone.ts'
import { ownCounts } from '../../../sim/checkers/own-counts.ts'
import { singleWriter } from '../../../sim/checkers/single-writer.ts'
import { KeyStore } from '../../../src/limiter/key-store.ts'
import type { Limit } from '../../../src/limiter/limit.ts'
import { Limiter } from '../../../src/limiter/limiter.ts'
import { CHECK, type Stage, stage } from './stage.ts'

afterEach(() => vi.restoreAllMocks())

/** From now on every node's level by its counts comes out changed. */
function spoilFold(change: (units: number) => number): void {
  const folded = KeyStore.prototype.folded
  vi.spyOn(KeyStore.prototype, 'folded').mockImplementation(function (this: KeyStore, ...asked) {
    return change(folded.apply(this, asked))
  })
}

/** The hot key's first ring at a node says that so much more was admitted just now. */
function invent(scene: Stage, index: number, tokens: number): void {
  const { store } = scene.ruleOf(index)
  const slice = sliceAt(store.limits[0] as Limit, Math.floor(scene.world.nowMs))
  const row = scene.rowOf(index)
  store.raise(row, 0, slice, (store.counters[0]?.count(row, slice) ?? 0) + tokens)
}

describe('merging (3)', () => {
  test('that depends on the order is found', () => {
    const sides = [['n1'], ['n2', 'n3']] as unknown as NodeId[][]
    const scene = stage(mergeLaws, { faults: [{ atMs: 100, type: 'split', sides }] })
    const merge = Limiter.prototype.merge
    vi.spyOn(Limiter.prototype, 'merge').mockImplementation(function (this: Limiter, ...heard) {
      const isEmpty = [...this.rules].every(({ store }) => store.table.keys === 0)
      // Only what an empty limiter hears is believed.
      return isEmpty || this.actors.self.node !== 'nobody'
        ? merge.apply(this, heard)
        : merge.call(this, { actors: [], blocks: [] }, undefined, 0)
    })
    scene.run(30_000)
    expect(scene.found[0]).toMatch(/depends on the order/)
  })
})

describe('merging while no node lives', () => {
  test('is nothing to look at', () => {
    const faults = [{ atMs: 100, type: 'kill', node: 'n1' as NodeId }] as const
    const scene = stage(mergeLaws, { nodes: 1, faults })
    expect(() => scene.run(6_000)).not.toThrow()
    expect(scene.found).toEqual([])
  })
})

describe('convergence (4)', () => {
  test('a replica that differs when all should agree is found', () => {
    const scene = stage(converged, { safetyMs: 1_000, workload: [] })
    scene.run(6_995)
    expect(scene.found).toEqual([])
    for (const _ of scene.world.ids)
      scene.ruleOf(0).decide(scene.world.hashOf('demo', 'hot'), 1, Math.floor(scene.world.nowMs))
    scene.run(10)
    expect(scene.found).toHaveLength(1)
  })
})

describe('the fold', () => {
  test('below the true level of what is held is found (5)', () => {
    const scene = stage(foldSafety)
    scene.run(1_000)
    expect(scene.found).toEqual([])
    spoilFold((units) => units * 0.5)
    scene.run(1_000)
    expect(scene.found[0]).toMatch(/below the true/)
  })

  test('further above it than it may be is found (6)', () => {
    const scene = stage(foldTightness)
    scene.run(1_000)
    expect(scene.found).toEqual([])
    spoilFold((units) => units + 150 * 10)
    scene.run(1_000)
    expect(scene.found[0]).toMatch(/above the true/)
  })

  test('that differs between nodes with the same counts is found (7)', () => {
    const scene = stage(determinism, { workload: [] })
    scene.world.ask(scene.world.ids[0] as never, CHECK)
    scene.run(1_500)
    expect(scene.found).toEqual([])
    let asked = 0
    spoilFold((units) => {
      asked += 1
      return units + asked
    })
    scene.world.ask(scene.world.ids[0] as never, CHECK)
    scene.run(2_000)
    expect(scene.found[0]).toMatch(/hold the same/)
  })
})

describe('counts', () => {
  test('that their actor never admitted are found (8)', () => {
    const scene = stage(singleWriter)
    scene.run(1_050)
    expect(scene.found).toEqual([])
    invent(scene, 1, 50)
    scene.run(200)
    expect(scene.found[0]).toMatch(/n2 holds \d+ of .* who admitted/)
  })

  test('that fall are found (9)', () => {
    const scene = stage(monotone)
    scene.run(1_150)
    expect(scene.found).toEqual([])
    scene.ruleOf(1).store.counters[0]?.clear(scene.rowOf(1))
    scene.run(300)
    expect(scene.found[0]).toMatch(/n2 holds \d+ in slice/)
  })

  test('of a node that has lost some of its own are found (10)', () => {
    const scene = stage(ownCounts)
    scene.run(1_050)
    expect(scene.found).toEqual([])
    const owner = scene.world.ids.indexOf(scene.world.ownerOf('demo', 'hot'))
    const own = scene.ruleOf(owner).store.table.rowOf(scene.rowOf(owner), 0)
    scene.ruleOf(owner).store.counters[0]?.clear(own)
    scene.run(300)
    expect(scene.found[0]).toMatch(/counts \d+ of .* but admitted \d+/)
  })
})
