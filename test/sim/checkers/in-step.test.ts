import { describe, expect, test } from 'vitest'
import { sliceAt } from '../../../crdt/sliced-counter.ts'
import { inStep } from '../../../sim/checkers/in-step.ts'
import { SELF } from '../../../src/limiter/actor-table.ts'
import type { Limit } from '../../../src/limiter/limit.ts'
import { EXPERIMENT, FLOOD, stage } from './stage.ts'

const rules = EXPERIMENT.rules.map((rule) => ({ ...rule, local: true }))

describe('in step (27)', () => {
  test('who tells what it admits is nothing to find', () => {
    const scene = stage(inStep, { rules })
    scene.run(2_000)
    expect(scene.world.ledger.deeds.length).toBeGreaterThan(100)
    expect(scene.found).toEqual([])
  })

  test('who is more than a quota ahead of the others is found', () => {
    const scene = stage(inStep, { rules, workload: [{ ...FLOOD, untilMs: 20 }] })
    scene.run(500)
    const { store } = scene.ruleOf(0)
    const row = store.table.rowOf(scene.rowOf(0), SELF)
    // Of no check, and so of none that is told.
    store.raise(row, 0, sliceAt(store.limits[0] as Limit, Math.floor(scene.world.nowMs)), 51)
    scene.run(150)
    expect(scene.found[0]).toMatch(/^n1 is 51 of demo.* ahead of n2, more than 50$/)
  })

  test('who decides alone while others count on it is found', () => {
    const scene = stage(inStep, { rules })
    scene.run(500)
    const [id] = scene.world.ids
    const { replica } = scene.world.host(id ?? scene.world.ownerOf('demo', 'hot')).node
    replica.inStep.company = () => ({ type: 'alone', members: 3 })
    scene.run(150)
    expect(scene.found[0]).toBe('n2+n3 decide together while n1 decides alone')
  })
})
