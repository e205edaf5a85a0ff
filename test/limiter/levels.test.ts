import { describe, expect, it, test } from 'vitest'
import type { Limiter } from '../../src/limiter/limiter.ts'
import { limiterOf, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

const RULE = ruleOf(policyOf(100, 1_000, 100))
const everything = () => true

function take(limiter: Limiter, tokens: number, nowMs: number): number {
  const state = stateOf(limiter)
  let admitted = 0
  for (let taken = 0; taken < tokens; taken++) {
    if (state.decide(state.hash('key'), 1, nowMs).type === 'allowed') admitted += 1
  }
  return admitted
}

/** Half full for longer than counts are kept, and never empty. Returns the time. */
function useSteadily(limiter: Limiter): number {
  take(limiter, 50, NOW_MS)
  let nowMs = NOW_MS
  for (; nowMs < NOW_MS + 3_000; nowMs += 10) take(limiter, 1, nowMs)
  return nowMs
}

function handOver(from: Limiter, to: Limiter, nowMs: number): void {
  const { counts, levels } = from.handOver(everything, nowMs)
  for (const some of counts) to.merge(some, undefined, nowMs)
  for (const some of levels) to.takeOver(some, everything, nowMs)
}

describe('a key that is handed over', () => {
  it('has the room that it had, which its counts alone would not show', () => {
    const [from, to, other] = ['n1', 'n2', 'n3'].map((node) => limiterOf([RULE], node)) as [
      Limiter,
      Limiter,
      Limiter,
    ]
    const nowMs = useSteadily(from)
    handOver(from, to, nowMs)
    for (const some of from.handOver(everything, nowMs).counts)
      other.merge(some, 'n1' as never, nowMs)
    expect(take(other, 100, nowMs)).toBeLessThan(10)
    const room = take(from, 100, nowMs)
    expect(room).toBeGreaterThan(45)
    expect(take(to, 100, nowMs)).toBe(room)
  })

  it('has less room by what only its next decider knows of', () => {
    const [from, to, other] = ['n1', 'n2', 'n3'].map((node) => limiterOf([RULE], node)) as [
      Limiter,
      Limiter,
      Limiter,
    ]
    const nowMs = useSteadily(from)
    take(other, 20, nowMs)
    for (const some of other.handOver(everything, nowMs).counts)
      to.merge(some, 'n3' as never, nowMs)
    handOver(from, to, nowMs)
    const room = take(from, 100, nowMs)
    expect(take(to, 100, nowMs)).toBeLessThanOrEqual(room - 20)
  })

  it('never has more used than its counts can mean', () => {
    const to = limiterOf([RULE], 'n2')
    const from = limiterOf([RULE], 'n1')
    take(from, 10, NOW_MS)
    const { counts, levels } = from.handOver(everything, NOW_MS)
    for (const some of counts) to.merge(some, undefined, NOW_MS)
    const lies = levels.flat().map((block) => {
      const entries = block.entries.map((number, at) => (at < 2 ? number : 1e6))
      return { ...block, entries }
    })
    to.takeOver(lies, everything, NOW_MS)
    expect(take(to, 100, NOW_MS)).toBe(90)
  })

  it('is left alone where its limits are others, or it is not for this node', () => {
    const from = limiterOf([RULE], 'n1')
    const slow = limiterOf([ruleOf(policyOf(10, 1_000, 100))], 'n2')
    const to = limiterOf([RULE], 'n3')
    const nowMs = useSteadily(from)
    const { counts, levels } = from.handOver(everything, nowMs)
    for (const some of counts) to.merge(some, undefined, nowMs)
    for (const some of levels) slow.takeOver(some, everything, nowMs)
    for (const some of levels) to.takeOver(some, () => false, nowMs)
    expect(take(slow, 200, nowMs)).toBe(100)
    expect(take(to, 100, nowMs)).toBeLessThan(10)
  })

  it('is handed over whether its counts were sent before or not, and nothing is taken by it', () => {
    const from = limiterOf([RULE], 'n1')
    take(from, 10, NOW_MS)
    expect(from.handOver(everything, NOW_MS).levels.flat()).toHaveLength(1)
    expect(from.unsentKeys).toBe(1)
    from.takeDelta(0, NOW_MS)
    expect(from.handOver(everything, NOW_MS).levels.flat()).toHaveLength(1)
    expect(from.handOver(() => false, NOW_MS).levels).toEqual([])
  })
})

describe('many keys', () => {
  it('go in messages of no more numbers and rules than they may hold', () => {
    const from = limiterOf([RULE], 'n1', { levelNumbersMax: 50 })
    const state = stateOf(from)
    for (let key = 0; key < 100; key++) state.decide(state.hash(`key ${key}`), 1, NOW_MS)
    const { levels } = from.handOver(everything, NOW_MS)
    const sizes = levels.map((blocks) =>
      blocks.reduce((sum, { entries }) => sum + entries.length, 0),
    )
    expect(Math.max(...sizes)).toBe(50)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(500)
  })
})

test('a debt above what a frame can say is told as the most that it can', () => {
  const from = limiterOf([ruleOf(policyOf(7, 86_400_000, 100_000_000))], 'n1')
  const state = stateOf(from)
  const third = { type: 'share', share: { reached: 1, members: 3 } } as const
  expect(state.decide(state.hash('key'), 50_000_000, NOW_MS, third).type).toBe('allowed')
  const [block] = from.handOver(everything, NOW_MS).levels.flat()
  expect(block?.entries.at(-3)).toBe(Number.MAX_SAFE_INTEGER)
  expect(block?.entries.every(Number.isSafeInteger)).toBe(true)
})
