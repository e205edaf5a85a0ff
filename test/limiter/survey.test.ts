import { expect, it } from 'vitest'
import type { DigestBlock } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { BUCKETS } from '../../crdt/slice-digest.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import { limiterOf, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

const RULE = ruleOf(policyOf(60, 60_000, 60), policyOf(1_000, 3_600_000, 100))
const N1 = 'n1' as NodeId
const keys = Array.from({ length: 50 }, (_, index) => `key ${index}`)

/** Two nodes admitted of every key, and n1 has heard of it. */
function busy(): Limiter {
  const [limiter, other] = [limiterOf([RULE], 'n1'), limiterOf([RULE], 'n2')]
  for (const [index, key] of keys.entries()) {
    for (const one of [limiter, other]) {
      const state = stateOf(one)
      state.decide(state.hash(key), 1 + (index % 5), NOW_MS + index * 1_000)
    }
  }
  for (const counts of other.takeDelta(0, NOW_MS + 50_000)) {
    limiter.merge(counts, 'n2' as NodeId, NOW_MS + 50_000)
  }
  return limiter
}

function emptyOf(blocks: readonly DigestBlock[]): DigestBlock[] {
  return blocks.map((block) => ({ ...block, buckets: new Uint32Array(BUCKETS) }))
}

function survey(
  limiter: Limiter,
  digestsOf: Parameters<Limiter['survey']>[0],
  isHeld?: (hashHi: number) => boolean,
): number {
  let cursor: { rule: number; row: number } | undefined = { rule: 0, row: 0 }
  let steps = 0
  for (; cursor !== undefined; steps++) {
    cursor = limiter.survey(digestsOf, cursor, 7, NOW_MS + 50_000, isHeld)
  }
  return steps
}

it('gives the digests that run along, if it is of everything', () => {
  const limiter = busy()
  const running = limiter.digest(Number.POSITIVE_INFINITY, NOW_MS + 50_000)
  const surveyed = emptyOf(running)
  expect(survey(limiter, () => surveyed)).toBeGreaterThan(10)
  expect(surveyed).toEqual(running)
  expect(running.some(({ buckets }) => buckets.some((word) => word !== 0))).toBe(true)
})

it('gives those of parts that add up to the whole', () => {
  const limiter = busy()
  const running = limiter.digest(Number.POSITIVE_INFINITY, NOW_MS + 50_000)
  const [ours, theirs] = [emptyOf(running), emptyOf(running)]
  survey(limiter, (_, writer) => (writer === N1 ? ours : theirs))
  const sums = ours.map(({ buckets }, index) =>
    buckets.map((word, at) => word + ((theirs[index] as DigestBlock).buckets[at] as number)),
  )
  expect(sums).toEqual(running.map(({ buckets }) => buckets))
  expect(limiter.differing(running, ours)).toHaveLength(1)
  expect(limiter.differing(ours, ours)).toEqual([])
})

it('lets a key that is not held any more be decided by its counts', () => {
  const limiter = busy()
  const { store } = stateOf(limiter)
  const row = store.table.find(
    stateOf(limiter).hash('key 49').hi,
    stateOf(limiter).hash('key 49').lo,
  )
  const folded = store.folded(row, 0, NOW_MS + 50_000)
  // What fell off before it was heard of is missing from the bucket.
  store.setLevel(row, 0, 0, NOW_MS + 50_000)
  survey(
    limiter,
    () => [],
    () => true,
  )
  expect(store.assumed(row, 0, NOW_MS + 50_000)).toBe(0)
  survey(
    limiter,
    () => [],
    () => false,
  )
  expect(store.assumed(row, 0, NOW_MS + 50_000)).toBe(folded)
  expect(folded).toBeGreaterThan(0)
})
