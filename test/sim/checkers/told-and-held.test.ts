import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Gossip } from '../../../cluster/message.ts'
import { NO_COUNTS } from '../../../crdt/counts.ts'
import type { NodeId } from '../../../crdt/node-id.ts'
import { sliceAt } from '../../../crdt/sliced-counter.ts'
import { bucketSafety, bucketTightness } from '../../../sim/checkers/acting-bucket.ts'
import { exactAnswers } from '../../../sim/checkers/exact-answers.ts'
import { plausibleCounts } from '../../../sim/checkers/plausible-counts.ts'
import { toldTwice } from '../../../sim/checkers/told-twice.ts'
import type { ClientAnswer } from '../../../sim/observer.ts'
import type { Limit } from '../../../src/limiter/limit.ts'
import { Limiter } from '../../../src/limiter/limiter.ts'
import { CHECK, type Stage, stage } from './stage.ts'

afterEach(() => vi.restoreAllMocks())

function ownerOf({ world }: Stage): number {
  return world.ids.indexOf(world.ownerOf('demo', 'hot'))
}

/** The hot key's bucket at its owner is so many tokens higher, or lower, than it was. */
function shift(scene: Stage, tokens: number): void {
  const { store } = scene.ruleOf(ownerOf(scene))
  const row = scene.rowOf(ownerOf(scene))
  const nowMs = Math.floor(scene.world.nowMs)
  const { tokenUnits } = store.limits[0] as Limit
  store.setLevel(row, 0, store.level(row, 0, nowMs) + tokens * tokenUnits, nowMs)
}

describe('the bucket of an acting owner', () => {
  test('below what is held is found (5)', () => {
    const scene = stage(bucketSafety)
    scene.run(1_150)
    expect(scene.found).toEqual([])
    shift(scene, -50)
    scene.run(1_000)
    expect(scene.found[0]).toMatch(/decides demo\/\w+ \(limit 0\) from [\d.]+, below the true/)
  })

  test('that rises without a reason is found (6)', () => {
    const scene = stage(bucketTightness)
    scene.run(1_150)
    expect(scene.found).toEqual([])
    // Between two looks at the same key; there is only one.
    shift(scene, 50)
    scene.run(200)
    expect(scene.found[0]).toMatch(/raised its bucket .* more than it admitted and learnt/)
  })
})

describe('what is told', () => {
  test('without what the frame before may have lost is found (10)', () => {
    const scene = stage(toldTwice)
    scene.run(2_000)
    expect(scene.found).toEqual([])
    const takeDelta = Limiter.prototype.takeDelta
    vi.spyOn(Limiter.prototype, 'takeDelta').mockImplementation(function (
      this: Limiter,
      ...[, nowMs, keysMax]
    ) {
      return takeDelta.call(this, nowMs, nowMs, keysMax)
    })
    scene.run(2_000)
    expect(scene.found[0]).toMatch(/told of \d+ of demo.* but had admitted \d+/)
  })

  test('by nobody who has nothing to tell is missed', () => {
    const scene = stage(toldTwice)
    scene.run(2_000)
    const heartbeat: Gossip = {
      type: 'gossip',
      incarnation: 1,
      sequence: 1,
      sentMs: 0,
      view: 0,
      members: [],
      counts: NO_COUNTS,
    }
    scene.observer.sent?.('n1' as NodeId, { type: 'broadcast', message: heartbeat }, 100)
    expect(scene.found).toEqual([])
  })
})

describe('counts that no honest author writes (23)', () => {
  const held = (scene: Stage, ahead: number, tokens: number) => {
    const { store } = scene.ruleOf(1)
    const slice = sliceAt(store.limits[0] as Limit, Math.floor(scene.world.nowMs)) + ahead
    store.raise(scene.rowOf(1), 0, slice, tokens)
    scene.run(200)
  }

  test.each([
    ['of more than a limit can admit', 0, 114, /114 by n\d in slice/],
    ['of the future', 10, 1, /later than any it may believe/],
  ])('%s are found where they are held', (_, ahead, tokens, what) => {
    const scene = stage(plausibleCounts)
    scene.run(1_150)
    expect(scene.found).toEqual([])
    held(scene, ahead, tokens)
    expect(scene.found[0]).toMatch(what)
  })

  test('are not the most that a decider can admit, nor a clock a little ahead', () => {
    const scene = stage(plausibleCounts)
    scene.run(1_150)
    held(scene, 7, 113)
    expect(scene.found).toEqual([])
  })
})

describe('an answer', () => {
  const refusal = (different: object): ClientAnswer => {
    const answer = {
      type: 'answer',
      allowed: false,
      rule: 'demo',
      limit: 100,
      remaining: 0,
      retryAfterMs: 10,
      resetMs: 10,
      reason: 'partition_share',
      decidedBy: 'owner',
      consistency: 'exact',
      overshootBound: 0,
      weight: 1,
      owner: 'n1',
      node: 'n1',
      limitIndex: 0,
      ...different,
    } as const
    const node = 'n1' as NodeId
    return { id: 1, node, request: CHECK, askedMs: 0, answer, by: node, answeredMs: 0 }
  }

  test('that is exact and blames a partition contradicts itself (2)', () => {
    const { observer, found } = stage(exactAnswers, { workload: [] })
    observer.answered?.(refusal({ consistency: 'partitioned' }))
    observer.answered?.(refusal({ reason: 'over_limit' }))
    observer.answered?.(refusal({ decidedBy: 'replica' }))
    expect(found).toEqual([])
    observer.answered?.(refusal({}))
    expect(found).toHaveLength(1)
  })
})
