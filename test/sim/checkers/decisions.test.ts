import { afterEach, describe, expect, test, vi } from 'vitest'
import type { NodeId } from '../../../crdt/node-id.ts'
import { boundedOvershoot } from '../../../sim/checkers/bounded-overshoot.ts'
import { exactness } from '../../../sim/checkers/exactness.ts'
import { fullRate } from '../../../sim/checkers/full-rate.ts'
import { noStarvation } from '../../../sim/checkers/no-starvation.ts'
import { remaining } from '../../../sim/checkers/remaining.ts'
import { retryAfter } from '../../../sim/checkers/retry-after.ts'
import type { Experiment } from '../../../sim/experiment.ts'
import { perform } from '../../../sim/run.ts'
import type { Decision } from '../../../src/limiter/decision.ts'
import { RuleState } from '../../../src/limiter/rule-state.ts'
import { EXPERIMENT, FLOOD, type Stage, stage } from './stage.ts'

afterEach(() => vi.restoreAllMocks())

const SHORT: Experiment = {
  ...EXPERIMENT,
  workload: [{ ...FLOOD, untilMs: 1_000 }],
  safetyMs: 1_000,
}

/** From now on every decision of every node comes out changed. */
function spoil(change: (decision: Decision) => Decision): void {
  const decide = RuleState.prototype.decide
  vi.spyOn(RuleState.prototype, 'decide').mockImplementation(function (this: RuleState, ...asked) {
    return change(decide.apply(this, asked))
  })
}

function refused({ limit, remaining: left, resetMs }: Decision): Decision {
  return {
    type: 'refused',
    limit,
    remaining: left,
    resetMs,
    retryAfterMs: 10,
    reason: 'over_limit',
  }
}

/** Tokens let through that no bucket had. */
function admitMore({ world }: Stage, tokens: number): void {
  const [node] = world.ids
  if (node === undefined) throw new Error('nobody is there')
  const key = world.keyName('demo', 'hot')
  for (let token = 0; token < tokens; token++) {
    world.ledger.decided({ atMs: world.nowMs, node, rule: 'demo', key, cost: 1 })
  }
}

describe('bounded overshoot (1)', () => {
  test('is found at the token too many, and once', () => {
    const scene = stage(
      boundedOvershoot(() => 10),
      { workload: [] },
    )
    admitMore(scene, 110)
    expect(scene.found).toEqual([])
    admitMore(scene, 5)
    expect(scene.found).toHaveLength(1)
  })
})

describe('exactness (2)', () => {
  test('an admission too many is found', () => {
    const scene = stage(exactness, { workload: [] })
    admitMore(scene, 100)
    expect(scene.found).toEqual([])
    admitMore(scene, 1)
    scene.run(0)
    expect(scene.found).toHaveLength(1)
  })

  test('a refusal that an ideal bucket would not make is found', () => {
    const scene = stage(exactness)
    scene.run(50)
    spoil(refused)
    scene.run(20)
    expect(scene.found[0]).toMatch(/refused 1 of demo\/hot/)
  })

  test('the same after a trouble is none of its business', () => {
    const scene = stage(exactness, { faults: [{ atMs: 10, type: 'heal' }] })
    scene.run(50)
    spoil(refused)
    scene.run(20)
    expect(scene.found).toEqual([])
  })

  test('once everything has been quiet for long enough it is, again', () => {
    const workload = [
      { ...FLOOD, untilMs: 50 },
      { ...FLOOD, fromMs: 12_000 },
    ]
    const scene = stage(exactness, { faults: [{ atMs: 10, type: 'heal' }], workload })
    scene.run(12_050)
    spoil(refused)
    scene.run(20)
    expect(scene.found).not.toEqual([])
  })
})

describe('starvation (15)', () => {
  test('a cluster that admits nothing any more is found', () => {
    const scene = stage(noStarvation)
    scene.run(100)
    spoil(refused)
    scene.run(8_000)
    expect(scene.found).toEqual([])
    scene.run(4_000)
    expect(scene.found[0]).toMatch(/admitted nothing of demo/)
  })

  test('so is one side of a split; under closed it is not', () => {
    for (const [onPartition, times] of [
      ['share', 1],
      ['closed', 0],
    ] as const) {
      const scene = stage(noStarvation, {
        rules: EXPERIMENT.rules.map((rule) => ({ ...rule, onPartition })),
        faults: [
          { atMs: 100, type: 'split', sides: [['n1'], ['n2', 'n3']].map((side) => side as never) },
        ],
      })
      scene.run(200)
      const starved = scene.world.host(scene.world.ids[0] as never).node.limiter.rule('demo')
      if (starved !== undefined) {
        const decide = starved.decide.bind(starved)
        vi.spyOn(starved, 'decide').mockImplementation((...asked) => refused(decide(...asked)))
      }
      scene.run(14_000)
      expect(scene.found.filter((what) => what.startsWith('n1 admitted'))).toHaveLength(times)
    }
  }, 60_000)
})

describe('the full rate (16)', () => {
  test('a cluster that gives out half of it is found', () => {
    const scene = stage(fullRate)
    scene.run(4_100)
    expect(scene.found).toEqual([])
    let asked = 0
    spoil((decision) => {
      asked += 1
      return asked % 2 === 0 ? decision : refused(decision)
    })
    scene.run(4_000)
    expect(scene.found[0]).toMatch(/were admitted in 2000 ms, not 200/)
  })
})

describe('retryAfter (20)', () => {
  test.each([
    ['too short', 0.9, /refused again/],
    ['too long', 1.1, /allowed 1 ms before/],
  ])('is found when it is %s', (_, times, what) => {
    spoil((decision) =>
      decision.type === 'refused'
        ? { ...decision, retryAfterMs: Math.round(decision.retryAfterMs * times) }
        : decision,
    )
    expect(perform(SHORT, [retryAfter]).violations[0]?.what).toMatch(what)
  })

  test('is not asked about where nobody is left to answer', () => {
    const faults = [{ atMs: 100, type: 'leave', node: 'n1' as NodeId, drainMs: 100 }] as const
    expect(perform({ ...SHORT, nodes: 1, faults }, [retryAfter]).violations).toEqual([])
  })

  test('is asked about in a healthy cluster, and is right', () => {
    expect(perform(SHORT, [retryAfter]).violations).toEqual([])
  })
})

describe('remaining (21)', () => {
  test.each([1, 200])('promises of %d tokens too many are found', (more) => {
    spoil((decision) => ({ ...decision, remaining: decision.remaining + more }))
    expect(perform(SHORT, [remaining]).violations[0]?.what).toMatch(/promised/)
  })
})
