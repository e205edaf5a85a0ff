import { afterEach, describe, expect, test } from 'vitest'
import { Consequences } from '../src/consequences.ts'
import { createNode, type WeirNode } from '../src/index.ts'
import type { Answer, CheckRequest } from '../src/limiter/check.ts'

let node: WeirNode | undefined
let nowMs = 1_700_000_000_000

afterEach(() => node?.close())

async function start(more: object) {
  const rule = { name: 'login', limits: [{ rate: '5/m', burst: 5 }], ...more }
  node = await createNode({
    rules: { version: 1, rules: [rule] },
    clock: { nowMs: () => nowMs },
    cluster: false,
  })
  return (cost = 1, key = 'alice') => (node as WeirNode).check({ rule: 'login', key, cost })
}

describe('a rule that blocks', () => {
  test('refuses everything of a key for so long after a refusal, whatever has come back', async () => {
    const check = await start({ block: '10m' })
    await check(5)
    expect(await check()).toMatchObject({ allowed: false, retryAfterMs: 12_000 })
    nowMs += 60_000
    expect(await check()).toMatchObject({
      allowed: false,
      rule: 'login',
      reason: 'over_limit',
      retryAfterMs: 540_000,
    })
    nowMs += 540_000
    expect(await check()).toMatchObject({ allowed: true, remaining: 4 })
  })

  test('is not prolonged by trying, and blocks nobody else', async () => {
    const check = await start({ block: '1m' })
    await check(5)
    await check()
    for (let tries = 0; tries < 5; tries++) {
      nowMs += 10_000
      expect(await check()).toMatchObject({ allowed: false })
    }
    expect(await check(1, 'bob')).toMatchObject({ allowed: true })
    nowMs += 10_000
    expect(await check()).toMatchObject({ allowed: true })
  })

  test('blocks reservations, and is begun by one that is refused', async () => {
    const check = await start({ block: '1m' })
    const reserve = (cost: number) =>
      (node as WeirNode).reserve({ rule: 'login', key: 'alice', cost }, 1_000)
    expect(await reserve(4)).toMatchObject({ answer: { allowed: true } })
    expect(await reserve(2)).toMatchObject({ answer: { allowed: false } })
    expect(await check()).toMatchObject({ allowed: false, retryAfterMs: 60_000 })
    expect(await reserve(1)).toMatchObject({ answer: { allowed: false, rule: 'login' } })
  })

  test('blocks no longer when the key is begun anew', async () => {
    const check = await start({ block: '10m' })
    await check(5)
    expect(await check()).toMatchObject({ allowed: false })
    const reset = { rule: 'login', key: 'alice', cost: 0 }
    expect(await (node as WeirNode).adjust('reset', reset)).toMatchObject({ remaining: 5 })
    expect(await check()).toMatchObject({ allowed: true, remaining: 4 })
  })

  test('blocks under all its tiers', async () => {
    const tiers = { free: { limits: [{ rate: '1/m' }] }, paid: { limits: [{ rate: '100/m' }] } }
    const rule = { name: 'api', tier: '{descriptor.plan}', tier_default: 'free', block: '1m' }
    node = await createNode({
      rules: { version: 1, tiers, rules: [rule] },
      clock: { nowMs: () => nowMs },
      cluster: false,
    })
    const as = (plan: string) =>
      (node as WeirNode).check({ rule: 'api', key: 'k', descriptor: () => plan })
    await as('free')
    expect(await as('free')).toMatchObject({ allowed: false })
    expect(await as('paid')).toMatchObject({ allowed: false, rule: 'api' })
  })
})

describe('whether a key is blocked', () => {
  const limit = {
    limit: 1,
    remaining: 0,
    retryAfterMs: 0,
    limitIndex: 0,
    overshootBound: 0,
    weight: 1,
  }
  const from = {
    type: 'answer',
    rule: '~block',
    owner: 'n1',
    node: 'n1',
    decidedBy: 'owner',
  } as const
  const standing = { ...limit, ...from, consistency: 'partitioned' } as const

  function checkedWith(block: Answer): unknown {
    const passed: Answer = {
      ...block,
      rule: 'login',
      allowed: true,
      remaining: 4,
      reason: 'under_limit',
    }
    const counting = { check: ({ rule }: CheckRequest) => (rule === '~block' ? block : passed) }
    const consequences = new Map([['login', { drains: false, block: '~block' }]])
    const checks = new Consequences({ ...counting, adjust: () => passed }, consequences)
    return checks.check({ rule: 'login', key: 'alice', cost: 1 })
  }

  test('does not follow from a share of its one token', () => {
    const block = { ...standing, allowed: true, reason: 'under_limit', resetMs: 0 } as const
    expect(checkedWith(block)).toMatchObject({ allowed: true })
  })

  test('is not known where nothing may be admitted', () => {
    const reason = 'partition_closed'
    const block = { ...standing, allowed: false, reason, resetMs: 1_000 } as const
    expect(checkedWith(block)).toMatchObject({ allowed: true })
  })

  test('is told by a token in use', () => {
    const block = { ...standing, allowed: true, reason: 'under_limit', resetMs: 7 } as const
    expect(checkedWith(block)).toMatchObject({ allowed: false, retryAfterMs: 7 })
  })
})

test('a rule that drains leaves nothing to whoever does not wait', async () => {
  const check = await start({ drain_on_deny: true })
  await check(2)
  expect(await check(4)).toMatchObject({ allowed: false, remaining: 3 })
  expect(await check(1)).toMatchObject({ allowed: false, remaining: 0 })
})

test('a rule that drains makes nobody owe, however many are refused before the first of them is told', async () => {
  let left = 3
  /** Another node, which decides in the order in which it is asked. */
  const remote = (act: () => boolean) => Promise.resolve().then(() => answered(act()))
  const answered = (allowed: boolean): Answer => ({
    type: 'answer',
    allowed,
    rule: 'login',
    limit: 7,
    remaining: Math.max(0, left),
    retryAfterMs: 0,
    resetMs: 60_000,
    reason: allowed ? 'under_limit' : 'over_limit',
    decidedBy: 'owner',
    consistency: 'exact',
    overshootBound: 0,
    weight: 1,
    owner: 'n2',
    node: 'n1',
    limitIndex: 0,
  })
  const take = (cost: number, may: boolean) => {
    if (may) left -= cost
    return may
  }
  const checks = new Consequences(
    {
      check: ({ cost }) => remote(() => take(cost, cost <= left)),
      adjust: (_, { cost }) => remote(() => take(cost, true)),
    },
    new Map([['login', { drains: true }]]),
  )
  const asked = Array.from({ length: 5 }, () =>
    checks.check({ rule: 'login', key: 'alice', cost: 4 }),
  )
  for (const answer of await Promise.all(asked)) expect(answer).toMatchObject({ allowed: false })
  await new Promise((resolve) => setImmediate(resolve))
  expect(left).toBe(0)
})

test('a rule that does neither does neither', async () => {
  const check = await start({})
  await check(2)
  expect(await check(4)).toMatchObject({ allowed: false, remaining: 3 })
  expect(await check(3)).toMatchObject({ allowed: true })
})
