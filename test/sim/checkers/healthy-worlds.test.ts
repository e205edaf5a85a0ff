import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../../crdt/node-id.ts'
import { ORACLES } from '../../../sim/checkers/all.ts'
import { boundedOvershoot } from '../../../sim/checkers/bounded-overshoot.ts'
import { type Experiment, preferenceOf } from '../../../sim/experiment.ts'
import type { Fault } from '../../../sim/fault.ts'
import { perform } from '../../../sim/run.ts'
import type { Rule } from '../../../src/limiter/policy.ts'
import { EXPERIMENT, FLOOD } from './stage.ts'

const SAFETY_MS = 6_000

const rules: readonly Rule[] = [
  ...EXPERIMENT.rules,
  {
    name: 'duo',
    limits: [
      { rate: { count: 50, periodMs: 1_000 }, burst: 40 },
      { rate: { count: 600, periodMs: 60_000 }, burst: 300 },
    ],
    onPartition: 'share',
  },
]

function mixed(seed: number, faults: (owner: NodeId, others: readonly NodeId[]) => Fault[]) {
  const [owner, ...others] = preferenceOf({ seed, nodes: 4 }, rules[0] as Rule, 'hot')
  const experiment: Experiment = {
    seed,
    nodes: 4,
    rules,
    faults: faults(owner as NodeId, others),
    workload: [
      { ...FLOOD, untilMs: SAFETY_MS },
      {
        ...FLOOD,
        untilMs: SAFETY_MS,
        rule: 'duo',
        keys: { name: 'user', count: 20, zipf: true },
        arrivals: { type: 'clients', clients: 8, thinkMs: 20 },
        cost: { min: 1, max: 3 },
      },
    ],
    safetyMs: SAFETY_MS,
  }
  return perform(experiment, ORACLES)
}

describe('all oracles together', () => {
  test.each([1, 2, 3])('find nothing in a healthy cluster (seed %d)', (seed) => {
    const { violations, worst } = mixed(seed, () => [])
    expect(violations).toEqual([])
    expect(worst.admitted).toBeGreaterThan(100)
  })

  test.each<[string, (owner: NodeId, others: readonly NodeId[]) => Fault[]]>([
    ['a kill', (node) => [{ atMs: 2_000, type: 'kill', node }]],
    [
      'a restart',
      (node) => [
        { atMs: 2_000, type: 'kill', node },
        { atMs: 2_500, type: 'start', node },
      ],
    ],
    ['a leave', (node) => [{ atMs: 2_000, type: 'leave', node, drainMs: 1_000 }]],
    ['a loss of power', (node) => [{ atMs: 500, type: 'power-off', node }]],
    [
      'a split that heals',
      (node, others) => [
        { atMs: 1_000, type: 'split', sides: [[node], others] },
        { atMs: 4_500, type: 'heal' },
      ],
    ],
    ['a lie', (_, [node]) => [{ atMs: 1_000, type: 'lie', node: node as NodeId, lie: 'inflate' }]],
    ['rubbish', (_, [node]) => [{ atMs: 1_000, type: 'lie', node: node as NodeId, lie: 'garble' }]],
  ])('find nothing in a cluster that bears %s as it should', (_, faults) => {
    expect(mixed(4, faults).violations).toEqual([])
  })

  test('change nothing about the run', () => {
    const experiment: Experiment = {
      ...EXPERIMENT,
      workload: [{ ...FLOOD, untilMs: 1_000 }],
      safetyMs: 2_000,
    }
    expect(perform(experiment, ORACLES).traceHash).toBe(perform(experiment).traceHash)
  })

  test('are one at least for each number, but for what cannot be judged in any run', () => {
    const numbers = new Set(ORACLES.map(({ invariant }) => invariant))
    const others = [1, 24]
    expect([...numbers, ...others].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 27 }, (_, index) => index + 1),
    )
  })
})

test('an overshoot within its bound is none of the first oracle', () => {
  const oracle = boundedOvershoot(() => 0)
  const experiment: Experiment = {
    ...EXPERIMENT,
    workload: [{ ...FLOOD, untilMs: 2_000 }],
    safetyMs: 2_000,
  }
  expect(perform(experiment, [oracle]).violations).toEqual([])
})
