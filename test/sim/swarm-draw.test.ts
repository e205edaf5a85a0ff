import { describe, expect, test } from 'vitest'
import { nodesOf } from '../../sim/experiment.ts'
import { drawExperiment } from '../../sim/swarm/draw.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'

const SEEDS = Array.from({ length: 300 }, (_, index) => index + 1)
const drawn = SEEDS.map((seed) => drawExperiment(seed))

describe('an experiment that is drawn', () => {
  test('is the same again for the same seed', () => {
    for (const seed of [1, 2, 3]) expect(drawExperiment(seed)).toEqual(drawExperiment(seed))
    expect(drawExperiment(1)).not.toEqual(drawExperiment(2))
  })

  test('survives being written to a file', () => {
    for (const experiment of drawn) {
      expect(JSON.parse(JSON.stringify(experiment))).toEqual(experiment)
    }
  })

  test('is of the size that is asked for', () => {
    const small = drawExperiment(1, { nodes: 3, safetyMs: 5_000 })
    expect(nodesOf(small)).toHaveLength(3)
    expect(small.safetyMs).toBe(5_000)
    const ends = [...small.faults.map(({ atMs }) => atMs), ...small.workload.map((f) => f.untilMs)]
    expect(Math.max(...ends)).toBeLessThanOrEqual(5_000)
  })

  test('strikes in order of time, and only nodes that are there', () => {
    for (const { faults, nodes } of drawn) {
      const times = faults.map(({ atMs }) => atMs)
      expect(times).toEqual([...times].sort((a, b) => a - b))
      const named = JSON.stringify(faults).match(/"n\d+"/g) ?? []
      expect(nodesOf({ nodes }).map((id) => `"${id}"`)).toEqual(expect.arrayContaining(named))
    }
  })

  test('seldom leaves fewer than two nodes alive', () => {
    const lonely = drawn.filter(({ faults, nodes }) => leastAlive(faults, nodes) < 2)
    expect(lonely.length).toBeLessThan(drawn.length / 20)
  })

  test('asks for no more than a check may cost, of rules that there are', () => {
    for (const { rules, workload } of drawn) {
      for (const flow of workload) {
        const limits = rules.find(({ name }) => name === flow.rule)?.limits ?? []
        expect(flow.cost?.max ?? 1).toBeLessThanOrEqual(
          Math.min(...limits.map(({ burst }) => burst)),
        )
      }
    }
  })

  test('has every kind of fault, of flow and of policy in some seed', () => {
    const kinds = (of: (one: (typeof drawn)[number]) => readonly string[]) =>
      new Set(drawn.flatMap(of)).size
    expect(kinds(({ faults }) => faults.map(({ type }) => type))).toBe(14)
    expect(kinds(({ faults }) => faults.flatMap((f) => (f.type === 'lie' ? f.lie : [])))).toBe(3)
    expect(kinds(({ workload }) => workload.map((flow) => flow.arrivals.type))).toBe(4)
    expect(kinds(({ rules }) => rules.map(({ onPartition = 'none' }) => onPartition))).toBe(4)
    expect(kinds(({ rules }) => rules.map((rule) => rule.partitionWeights ?? 'none'))).toBe(2)
    expect(kinds(({ rules }) => rules.map(({ leases = false }) => `${leases}`))).toBe(2)
    expect(kinds(({ network }) => Object.keys(network ?? {}))).toBe(5)
    const algorithms = kinds(({ rules }) =>
      rules.flatMap(({ limits }) =>
        limits.map(({ algorithm }) => JSON.stringify(kindOf(algorithm))),
      ),
    )
    expect(algorithms).toBe(7)
    const corrections = kinds(({ workload }) =>
      workload.flatMap((flow) => (flow.corrections ?? []).map(({ type }) => type)),
    )
    expect(corrections).toBe(3)
  })
})

/** A calendar's units are drawn, too. */
function kindOf(algorithm: LimitPolicy['algorithm']): unknown {
  return algorithm?.type === 'calendar-window' ? algorithm.type : algorithm
}

function leastAlive(faults: ReturnType<typeof drawExperiment>['faults'], nodes: number): number {
  const down = new Set<string>()
  let most = 0
  for (const fault of faults) {
    if (fault.type === 'start') down.delete(fault.node)
    if (['kill', 'power-off', 'leave', 'ambush'].includes(fault.type)) {
      down.add((fault as { node: string }).node)
    }
    most = Math.max(most, down.size)
  }
  return nodes - most
}
