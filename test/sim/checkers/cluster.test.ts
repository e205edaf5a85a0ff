import { afterEach, describe, expect, test, vi } from 'vitest'
import { Membership } from '../../../cluster/membership.ts'
import type { Message } from '../../../cluster/message.ts'
import { Placement } from '../../../cluster/placement.ts'
import { Reaching } from '../../../cluster/reach.ts'
import { NO_COUNTS } from '../../../crdt/counts.ts'
import type { NodeId } from '../../../crdt/node-id.ts'
import { answeredInTime } from '../../../sim/checkers/answered-in-time.ts'
import { answeredOnce } from '../../../sim/checkers/answered-once.ts'
import { ceilings } from '../../../sim/checkers/ceilings.ts'
import { hopLimit } from '../../../sim/checkers/hop-limit.ts'
import { laterLives } from '../../../sim/checkers/later-lives.ts'
import { malformedFrames } from '../../../sim/checkers/malformed-frames.ts'
import { membershipTruth } from '../../../sim/checkers/membership-truth.ts'
import { onePrimary } from '../../../sim/checkers/one-primary.ts'
import { traffic } from '../../../sim/checkers/traffic.ts'
import { weights } from '../../../sim/checkers/weights.ts'
import { CHECK, EXPERIMENT, stage } from './stage.ts'

afterEach(() => vi.restoreAllMocks())

const [n1, n2, n3] = ['n1', 'n2', 'n3'] as unknown as [NodeId, NodeId, NodeId]

function forwardOf(hops: number): Message {
  const key = { rule: 'demo', hashHi: 1, hashLo: 2 }
  const check = { id: hops, action: 'check', ...key, cost: 1, hops } as const
  return { type: 'forward', sentMs: 0, view: 0, checks: [check], counts: NO_COUNTS }
}

test('two owners under one view are found (11)', () => {
  const { world, found, run } = stage(onePrimary)
  run(1_000)
  expect(found).toEqual([])
  const { membership } = world.host(n2).node.replica
  const { view } = membership.placement
  const other = Object.defineProperty(new Placement([n1, n2]), 'view', { value: view })
  vi.spyOn(membership, 'placement', 'get').mockReturnValue(other)
  run(200)
  expect(found[0]).toMatch(/under view \d+, n2 says/)
})

describe('journeys (12)', () => {
  test('of a hop too many are found', () => {
    const { observer, found } = stage(hopLimit)
    observer.sent?.(n1, { type: 'send', to: n2, message: forwardOf(1) }, 100)
    observer.sent?.(n2, { type: 'send', to: n3, message: forwardOf(2) }, 100)
    expect(found).toEqual([])
    observer.sent?.(n3, { type: 'send', to: n1, message: forwardOf(3) }, 100)
    expect(found[0]).toMatch(/as its hop 3/)
  })

  test('in a circle are found', () => {
    const { observer, found } = stage(hopLimit)
    observer.sent?.(n1, { type: 'send', to: n2, message: forwardOf(1) }, 100)
    observer.sent?.(n2, { type: 'send', to: n1, message: forwardOf(2) }, 100)
    expect(found[0]).toMatch(/n2 forwards .* to n1, who had asked it/)
  })
})

describe('answers', () => {
  test('that never come are found (13)', () => {
    const { world, observer, found, run } = stage(answeredInTime, { workload: [] })
    observer.asked?.({ id: 1_000, node: n1, request: CHECK, askedMs: world.nowMs })
    run(400)
    expect(found).toEqual([])
    run(300)
    expect(found[0]).toMatch(/n1 has not answered/)
  })

  test('of a node that died are not missed', () => {
    const { world, observer, found, run } = stage(answeredInTime, {
      workload: [],
      faults: [{ atMs: 100, type: 'kill', node: n1 }],
    })
    observer.asked?.({ id: 1_000, node: n1, request: CHECK, askedMs: world.nowMs })
    run(1_000)
    expect(found).toEqual([])
  })

  test('that come twice are found (25)', () => {
    const { world, observer, found, run } = stage(answeredOnce)
    run(100)
    expect(found).toEqual([])
    const [seen] = world.answers
    if (seen !== undefined) observer.answered?.(seen)
    expect(found).toHaveLength(1)
  })
})

describe('weights (14)', () => {
  const faults = [{ atMs: 100, type: 'split', sides: [[n1], [n2, n3]] }] as const

  test('of the sides of a split that sum to more than 1 are found', () => {
    const { found, run } = stage(weights, { workload: [], faults })
    vi.spyOn(Reaching.prototype, 'asOwner').mockReturnValue({
      reached: 2,
      members: 3,
      splitForMs: 9,
    })
    run(2_000)
    expect(found).toEqual([])
    run(2_000)
    expect(found[0]).toMatch(/n1 \| n2\+n3 have 1\.333/)
  })

  test('sum to 1 in a real one', () => {
    const { found, run } = stage(weights, { faults })
    run(6_000)
    expect(found).toEqual([])
  })
})

describe('membership (17)', () => {
  const record = Membership.prototype.record

  test('somebody who answers and is held dead is found', () => {
    const { found, run } = stage(membershipTruth, { workload: [] })
    run(3_000)
    expect(found).toEqual([])
    vi.spyOn(Membership.prototype, 'record').mockImplementation(function (this: Membership, id) {
      const known = record.call(this, id)
      return known === undefined || id !== n2 ? known : { ...known, state: 'dead' }
    })
    run(3_000)
    expect(found[0]).toMatch(/has held n2 dead, who answers/)
  })

  test('somebody who died and is held alive is found', () => {
    const faults = [{ atMs: 100, type: 'power-off', node: n3 }] as const
    const { found, run } = stage(membershipTruth, { workload: [], faults })
    vi.spyOn(Membership.prototype, 'record').mockImplementation(function (this: Membership, id) {
      const known = record.call(this, id)
      return known === undefined ? known : { ...known, state: 'active' }
    })
    run(5_000)
    expect(found).toEqual([])
    run(1_000)
    expect(found[0]).toMatch(/holds n3 alive after/)
  })

  test('a real death is noticed in time', () => {
    const faults = [{ atMs: 100, type: 'power-off', node: n3 }] as const
    const { found, run } = stage(membershipTruth, { workload: [], faults })
    run(8_000)
    expect(found).toEqual([])
  })
})

test('a table above its ceiling is found (18)', () => {
  const { world, found, run } = stage(ceilings, { keysMax: 4 })
  run(2_000)
  expect(found).toEqual([])
  vi.spyOn(world.host(n1).node.replica, 'pending', 'get').mockReturnValue(100_000)
  run(1_000)
  expect(found).toEqual(['n1 pending forwards: 100000 of at most 65536'])
})

describe('traffic (19)', () => {
  test('a frame larger than what is in it is found', () => {
    const { observer, found } = stage(traffic)
    observer.sent?.(n1, { type: 'send', to: n2, message: forwardOf(1) }, 1_000)
    expect(found[0]).toMatch(/a forward of 1000 bytes/)
  })

  test('more frames than there is reason for are found', () => {
    const { observer, found, run } = stage(traffic, { workload: [] })
    const message: Message = { type: 'hello', view: 0, members: [] }
    for (let sent = 0; sent < 100; sent++)
      observer.sent?.(n1, { type: 'send', to: n2, message }, 50)
    run(11_000)
    expect(found[0]).toMatch(/n1 sent \d+ hellos/)
  })

  test('more decisions than questions are found', () => {
    const { observer, found, run } = stage(traffic, { workload: [] })
    const decision = {
      id: 1,
      verdict: 'allowed',
      limit: 0,
      remaining: 0,
      retryAfterMs: 0,
      resetMs: 0,
      delayMs: 0,
    } as const
    const message: Message = { type: 'reply', view: 0, decisions: [decision], counts: NO_COUNTS }
    observer.sent?.(n1, { type: 'send', to: n2, message }, 50)
    run(11_000)
    expect(found).toEqual(['n1 sent 1 decisions, the formula says 0'])
  })
})

test('two lives of one incarnation are found (22)', () => {
  const { observer, found, run } = stage(laterLives)
  run(1_000)
  observer.started?.(n1, 2)
  expect(found[0]).toMatch(/n1 began life/)
})

describe('malformed frames (23)', () => {
  test('of a node that does not lie are found', () => {
    const { observer, found } = stage(malformedFrames)
    observer.malformed?.(n1, n2)
    expect(found).toEqual(['n1 could not read a frame of n2, who does not lie'])
  })

  test('forged counts of a node that does not lie are found', () => {
    const { observer, found } = stage(malformedFrames)
    const result = { raised: 0, expired: 0, future: 0, foreign: 0, violations: 1 }
    observer.event?.(n1, { type: 'merged', from: n2, result })
    expect(found).toHaveLength(1)
  })

  test('that change something are found', () => {
    const faults = [{ atMs: 0, type: 'lie', node: n2, lie: 'garble' }] as const
    const scene = stage(malformedFrames, { faults, workload: [] })
    scene.run(10)
    for (let frame = 0; frame < 16; frame++) scene.observer.malformed?.(n1, n2)
    const hash = scene.world.hashOf('demo', 'hot')
    scene.ruleOf(0).decide(hash, 1, Math.floor(scene.world.nowMs))
    scene.run(0)
    expect(scene.found).toEqual(['a frame that it could not read changed n1'])
  })
})

test('all of these find nothing in a healthy cluster', () => {
  for (const oracle of [onePrimary, hopLimit, ceilings, traffic, laterLives, malformedFrames]) {
    const { found, run } = stage(oracle, { nodes: EXPERIMENT.nodes + 1 })
    run(11_000)
    expect(found).toEqual([])
  }
}, 60_000)
