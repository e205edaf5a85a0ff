import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import { WallClock } from '../../sim/clock.ts'
import { Simulation, START_MS } from '../../sim/simulation.ts'

const n1 = 'n1' as NodeId

function world(clocks: { clockOffsetsMs?: number[]; clockDriftsPpm?: number[] } = {}) {
  const limit = { rate: { count: 1_000, periodMs: 1_000 }, burst: 1_000 }
  return new Simulation({
    seed: 3,
    nodes: 3,
    rules: [{ name: 'demo', limits: [limit] }],
    ...clocks,
  })
}

describe('a slow host', () => {
  /** A hundred checks in 100 ms at one node, which takes so long for each; the times of the answers. */
  function tookMs(inputMs: number): number[] {
    const made = world()
    made.runUntil(3_000)
    made.host(n1).inputMs = inputMs
    for (let number = 0; number < 100; number++) {
      const ask = () => made.ask(n1, { rule: 'demo', key: `k${number}`, cost: 1 })
      made.at(START_MS + 3_000 + number, ask)
    }
    made.runUntil(6_000)
    expect(made.answers).toHaveLength(100)
    return made.answers.map(({ askedMs, answeredMs }) => answeredMs - askedMs)
  }

  test('answers later, and the later the more waits', () => {
    const quick = tookMs(0)
    const slow = tookMs(3)
    expect(Math.max(...quick)).toBeLessThan(5)
    expect(Math.min(...slow)).toBeGreaterThanOrEqual(3)
    // 100 checks and their replies at 3 ms each do not fit into 100 ms.
    expect(Math.max(...slow)).toBeGreaterThan(50)
  })

  test('is no slower than it must be when it has time', () => {
    expect(Math.max(...tookMs(0.1))).toBeLessThan(10)
  })
})

describe("a host's clock", () => {
  test('is off by an offset, and drifts', () => {
    const clock = new WallClock(1_000, 50, 100)
    expect(clock.at(1_000)).toBe(1_050)
    // 100 millionths of 10 s are a millisecond.
    expect(clock.at(11_000)).toBe(11_051)
  })

  test('steps for a process that starts afterwards, and not for one that runs', () => {
    const clock = new WallClock(0, 0, 100)
    const running = clock.anchored(10_000)
    expect(running(10_000)).toBe(10_001)
    clock.step(-5_000)
    expect(running(20_000)).toBe(20_002)
    expect(clock.anchored(20_000)(30_000)).toBe(25_003)
  })

  test('is set anew by a fault, which a restart shows', () => {
    const made = world({ clockOffsetsMs: [40] })
    made.schedule([
      { atMs: 1_000, type: 'clock-step', node: n1, byMs: 3_600_000 },
      { atMs: 2_000, type: 'kill', node: n1 },
      { atMs: 3_000, type: 'start', node: n1 },
    ])
    made.runUntil(1_500)
    expect(made.host(n1).nowMs).toBe(START_MS + 1_540)
    made.runUntil(3_500)
    expect(made.host(n1).nowMs).toBe(START_MS + 3_540 + 3_600_000)
  })
})
