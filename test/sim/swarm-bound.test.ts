import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import { type Experiment, preferenceOf } from '../../sim/experiment.ts'
import type { Fault } from '../../sim/fault.ts'
import { keyName } from '../../sim/ledger.ts'
import { demoRule, flood } from '../../sim/scenarios/scenario.ts'
import { hashKeyOf } from '../../sim/simulation.ts'
import { boundOf } from '../../sim/swarm/bound.ts'
import { judge } from '../../sim/swarm/judge.ts'
import { ruleHasher } from '../../src/limiter/key-hash.ts'
import type { Algorithm, Rule } from '../../src/limiter/policy.ts'

const rule = demoRule('share')
const place = { seed: 3, nodes: 5 }
const [owner, second, third, fourth] = preferenceOf(place, rule, 'hot') as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]

function experiment(faults: readonly Fault[], more: Partial<Experiment> = {}): Experiment {
  const safetyMs = 20_000
  return {
    ...place,
    rules: [rule],
    faults,
    workload: [flood('hot', 0, safetyMs)],
    safetyMs,
    ...more,
  }
}

/** R = B = 100. */
function bound(faults: readonly Fault[], more: Partial<Experiment> = {}): number {
  const { hi, lo } = ruleHasher(hashKeyOf(place.seed), rule.name).hash('hot')
  return boundOf(experiment(faults, more))(rule.name, keyName(hi, lo), 0)
}

describe('the bound of an experiment', () => {
  test('is 0 without faults, whatever becomes of gossip', () => {
    expect(bound([])).toBe(0)
    expect(bound([], { network: { gossipLoss: 0.3, gossipDuplicates: 0.5 } })).toBe(0)
  })

  test('is B for the death of the owner, and 0 for that of somebody who never decides', () => {
    expect(bound([{ atMs: 5_000, type: 'kill', node: owner }])).toBe(100)
    expect(bound([{ atMs: 5_000, type: 'power-off', node: owner }])).toBe(100)
    expect(bound([{ atMs: 5_000, type: 'kill', node: fourth }])).toBe(0)
  })

  test('counts a stand-in once the owner is gone', () => {
    const both: Fault[] = [
      { atMs: 5_000, type: 'kill', node: owner },
      { atMs: 6_000, type: 'kill', node: second },
    ]
    expect(bound(both)).toBe(200)
  })

  test('is no more than clients can have asked for', () => {
    const steady = { type: 'steady', everyMs: 100 } as const
    const rarely = { ...flood('hot', 0, 20_000), arrivals: steady }
    const killed: Fault[] = [{ atMs: 5_000, type: 'kill', node: owner }]
    expect(bound(killed, { workload: [rarely] })).toBeLessThan(30)
    expect(bound(killed, { workload: [flood('hot', 9_000, 20_000)] })).toBe(0)
  })

  test('adds what clocks differ by at each change of the decider', () => {
    const killed: Fault[] = [{ atMs: 5_000, type: 'kill', node: owner }]
    expect(bound(killed, { clockOffsetsMs: [100, -100, 0, 0, 0] })).toBe(120)
  })

  test('adds R·Δ for a pause, and more of it where gossip is lost', () => {
    const paused: Fault[] = [{ atMs: 5_000, type: 'pause', node: owner, forMs: 3_000 }]
    expect(bound(paused)).toBeGreaterThan(150)
    expect(bound(paused)).toBeLessThan(165)
    expect(bound(paused, { network: { gossipLoss: 0.1 } })).toBeGreaterThan(400)
  })

  test('takes a cut for a split when another trouble is near', () => {
    const cut: Fault = { atMs: 5_000, type: 'cut', a: owner, b: second }
    const heal: Fault = { atMs: 9_000, type: 'heal' }
    const kill: Fault = { atMs: 7_000, type: 'kill', node: third }
    expect(bound([cut, kill, heal])).toBeGreaterThan(bound([cut, heal]) + 100)
  })

  test('grows with the length of an open split', () => {
    const split = (healMs: number): Fault[] => [
      {
        atMs: 5_000,
        type: 'split',
        sides: [
          [owner, second],
          [third, fourth],
        ],
      },
      { atMs: healMs, type: 'heal' },
    ]
    const open = { rules: [{ ...rule, onPartition: 'open' as const }] }
    const longer = bound(split(15_000), open) - bound(split(10_000), open)
    expect(longer).toBe(3 * 100 * 5)
    expect(bound(split(15_000))).toBe(bound(split(10_000)))
  })
})

describe('the bound of a window', () => {
  const split: Fault[] = [
    {
      atMs: 5_000,
      type: 'split',
      sides: [
        [owner, second],
        [third, fourth],
      ],
    },
    { atMs: 15_000, type: 'heal' },
  ]
  const under = (algorithm: Algorithm) => ({
    rules: [{ ...rule, limits: rule.limits.map((limit) => ({ ...limit, algorithm })) }],
  })
  const aligned = under({ type: 'fixed-window', opens: 'aligned' })
  const sliding = under({ type: 'sliding-window' })
  const firstHit = under({ type: 'fixed-window', opens: 'first-hit' })

  test('is 0 without faults', () => {
    for (const rules of [aligned, sliding, firstHit]) expect(bound([], rules)).toBe(0)
  })

  test('does not grow with the length of a split, for no window does', () => {
    const open = { ...rule, onPartition: 'open' as const }
    const rules = [{ ...open, limits: (sliding.rules[0] as Rule).limits }]
    const longer = bound(split, { rules })
    expect(longer).toBe(bound([split[0] as Fault, { atMs: 9_000, type: 'heal' }], { rules }))
    expect(longer).toBeGreaterThan(200)
    expect(longer).toBeLessThan(270)
  })

  test('of its first hit has a phase that two deciders need not share', () => {
    const killed: Fault[] = [{ atMs: 5_000, type: 'kill', node: owner }]
    expect(bound(killed, sliding)).toBe(100)
    expect(bound(killed, firstHit)).toBe(2 * 100 + 100 + 100)
  })

  test('by the clock holds parts of as many windows as clocks are apart', () => {
    expect(bound([], { ...aligned, clockOffsetsMs: [0, 200, 0, 0, 0] })).toBe(100)
    expect(bound([], { ...aligned, clockOffsetsMs: [0, 200, -200, 0, 0] })).toBe(200)
    expect(bound([], { ...sliding, clockOffsetsMs: [0, 200, -200, 0, 0] })).toBe(0)
  })
})

describe('judging a run', () => {
  test('sees an overshoot above the bound', () => {
    const faults: Fault[] = [{ atMs: 4_000, type: 'kill', node: owner }]
    expect(judge(experiment(faults, { safetyMs: 6_000 }), []).outcome.violations).toEqual([])
    // The rule that the clients are told of allows less than what the nodes are started with.
    const generous = { ...rule, limits: [{ rate: { count: 1_000, periodMs: 1_000 }, burst: 100 }] }
    const restarted = [1, 2, 3, 4, 5].flatMap((n): Fault[] => {
      const node = `n${n}` as NodeId
      return [
        { atMs: 1_000, type: 'kill', node },
        { atMs: 1_100, type: 'start', node, rules: [generous] },
      ]
    })
    const { outcome, tightest } = judge(experiment(restarted, { safetyMs: 6_000 }), [])
    expect(outcome.violations[0]).toMatchObject({ invariant: 1, oracle: 'bounded overshoot' })
    expect(tightest.overshoot).toBeGreaterThan(tightest.bound)
  })
})
