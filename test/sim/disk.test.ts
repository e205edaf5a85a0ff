import { describe, expect, test } from 'vitest'
import { SNAPSHOT_MS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Fault } from '../../sim/fault.ts'
import { perform } from '../../sim/run.ts'
import { RESTARTS } from '../../sim/scenarios/restarts.ts'
import { setting } from '../../sim/scenarios/scenario.ts'
import { Simulation, START_MS } from '../../sim/simulation.ts'
import type { Recalled } from '../../sim/snapshots.ts'

const n1 = 'n1' as NodeId

/** One node under a slow limit, of which half a burst is taken at the beginning. */
class World {
  readonly world = new Simulation({
    seed: 1,
    nodes: 1,
    rules: [{ name: 'demo', limits: [{ rate: { count: 1, periodMs: 1_000 }, burst: 100 }] }],
  })
  readonly recalled: Recalled[] = []

  constructor(faults: readonly Fault[]) {
    this.world.observe({ recalled: (_, outcome) => this.recalled.push(outcome) })
    this.world.schedule(faults)
    this.world.at(START_MS + 100, () => this.world.ask(n1, { rule: 'demo', key: 'a', cost: 50 }))
  }

  /** What is left of the burst at that time. */
  remainingAt(atMs: number): number {
    this.world.at(START_MS + atMs, () => this.world.ask(n1, { rule: 'demo', key: 'a', cost: 0 }))
    this.world.runUntil(atMs + 10)
    const { answer } = this.world.answers.at(-1) ?? {}
    return answer?.type === 'answer' ? answer.remaining : Number.NaN
  }
}

const DOWN_MS = SNAPSHOT_MS + 2_000
const UP_MS = DOWN_MS + 100
const crash: readonly Fault[] = [
  { atMs: DOWN_MS, type: 'kill', node: n1 },
  { atMs: UP_MS, type: 'start', node: n1 },
]

describe("a host's disk", () => {
  test('gives the next life what the last one wrote down', () => {
    const made = new World(crash)
    const left = made.remainingAt(UP_MS + 500)
    // 50 and what has drained since; a fold may think it was a slice's worth less.
    expect(left).toBeLessThanOrEqual(50 + 13)
    expect(left).toBeGreaterThanOrEqual(50)
    expect(made.recalled).toEqual(['read'])
  })

  test.each(['lost', 'stale', 'torn'] as const)('that is %s gives it nothing', (harm) => {
    const made = new World([...crash, { atMs: DOWN_MS, type: 'disk-loss', node: n1, harm }])
    expect(made.remainingAt(UP_MS + 500)).toBe(100)
    expect(made.recalled).toEqual(harm === 'torn' ? ['truncated'] : [])
  })

  test('that hangs has what was written before, and takes new things when it is well again', () => {
    const made = new World([
      { atMs: 1_000, type: 'disk-hang', node: n1, forMs: 2 * SNAPSHOT_MS },
      ...crash,
    ])
    made.world.runUntil(UP_MS - 1)
    expect(made.world.disk(n1).file).toBeUndefined()
    made.world.runUntil(UP_MS + 2 * SNAPSHOT_MS)
    expect(made.world.disk(n1).file).toBeDefined()
  })

  test('is written to last by a process that ends in order', () => {
    const made = new World([
      { atMs: 500, type: 'leave', node: n1, drainMs: 100 },
      { atMs: 1_000, type: 'start', node: n1 },
    ])
    expect(made.remainingAt(1_500)).toBeLessThanOrEqual(52)
    expect(made.recalled).toEqual(['read'])
  })
})

describe('a restart of all nodes', () => {
  const situationsIn = (name: string) => {
    const scenario = RESTARTS.find((one) => one.name === `whole-cluster-restart-${name}`)
    if (scenario === undefined) throw new Error(`no scenario is called ${name}`)
    const { coverage } = perform(scenario.experiment(1, setting))
    return [coverage['snapshot read'], coverage['snapshot refused']]
  }

  test('begins with the snapshots that its story tells of', () => {
    expect(situationsIn('with-snapshot')).toEqual([3, 0])
    expect(situationsIn('torn-snapshot')).toEqual([2, 1])
    expect(situationsIn('stale-snapshots')).toEqual([3, 0])
    expect(situationsIn('lost-snapshots')).toEqual([0, 0])
  })
})
