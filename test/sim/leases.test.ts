import { describe, expect, test } from 'vitest'
import { type Experiment, READY_MS } from '../../sim/experiment.ts'
import { setGoing } from '../../sim/run.ts'
import { Simulation } from '../../sim/simulation.ts'

// What leases save: how many of all checks of a key are forwarded.

/** A key at 0.8 of its rate, asked for at random nodes for two seconds. */
function hot(nodes: number, leases: boolean): Experiment {
  const limit = { rate: { count: 5_000, periodMs: 1_000 }, burst: 5_000 }
  return {
    seed: 1,
    nodes,
    rules: [{ name: 'demo', limits: [limit], leases }],
    faults: [],
    workload: [
      {
        rule: 'demo',
        keys: { name: 'hot', count: 1 },
        fromMs: 0,
        untilMs: 2_000,
        arrivals: { type: 'steady', everyMs: 0.25 },
        origins: 'anywhere',
      },
    ],
    safetyMs: 2_000,
  }
}

function shareForwarded(experiment: Experiment): number {
  const world = new Simulation(experiment)
  let asked = 0
  let forwarded = 0
  world.runUntil(READY_MS)
  world.observe({
    asked() {
      asked += 1
    },
    sent(_, outbound) {
      if (outbound.type !== 'send' || outbound.message.type !== 'forward') return
      forwarded += outbound.message.checks.length
    },
  })
  setGoing(world, experiment)
  world.runUntil(READY_MS + experiment.safetyMs)
  return forwarded / asked
}

describe.each([3, 6])('a hot key spread over %i nodes', (nodes) => {
  test('is forwarded less than once in 20 checks with leases', () => {
    expect(shareForwarded(hot(nodes, true))).toBeLessThan(1 / 20)
  })

  test('is forwarded by all who do not own it without', () => {
    expect(shareForwarded(hot(nodes, false))).toBeCloseTo(1 - 1 / nodes, 1)
  })
})
