import { afterEach, describe, expect, test } from 'vitest'
import { createNode, type WeirNode } from '../../src/index.ts'
import { RESERVATION_MS_MAX } from '../../src/limiter/settlement.ts'

const START_MS = 1_700_000_000_000

let node: WeirNode | undefined
let nowMs = START_MS

afterEach(async () => {
  await node?.close()
  nowMs = START_MS
})

async function start(limits: readonly object[] = [{ rate: '10/h', burst: 10 }]) {
  node = await createNode({
    rules: { version: 1, rules: [{ name: 'jobs', limits }] },
    clock: { nowMs: () => nowMs },
    cluster: false,
  })
  const { app, admin } = node
  const post = async (url: string, body: object, door = app) => {
    const response = await door.inject({ method: 'POST', url, body })
    return { status: response.statusCode, ...response.json() }
  }
  return { post, admin }
}

const JOB = { rule: 'jobs', key: 'acme' }

describe('POST /v1/refund', () => {
  test('gives back, never above the burst', async () => {
    const { post } = await start()
    await post('/v1/check', { ...JOB, cost: 9 })
    expect(await post('/v1/refund', { ...JOB, cost: 4 })).toMatchObject({ remaining: 5 })
    expect(await post('/v1/refund', { ...JOB, cost: 100 })).toMatchObject({
      status: 200,
      remaining: 10,
    })
  })

  test.each([
    [{ ...JOB, cost: -1 }, 'invalid_request'],
    [{ ...JOB, cost: 2 ** 32 }, 'invalid_cost'],
    [{ rule: 'jobs', key: '' }, 'invalid_key'],
    [{ rule: 'nope', key: 'k' }, 'unknown_rule'],
    [{ rule: '~settled', key: 'k' }, 'unknown_rule'],
    [{ ...JOB, cost: 1, why: 'x' }, 'invalid_request'],
  ])('%j is refused and changes nothing', async (body, code) => {
    const { post } = await start()
    await post('/v1/check', { ...JOB, cost: 9 })
    expect(await post('/v1/refund', body)).toMatchObject({ status: 400, code })
    expect(await post('/v1/check', { ...JOB, cost: 0 })).toMatchObject({ remaining: 1 })
  })
})

test('POST /v1/penalty takes whether or not there is room', async () => {
  const { post } = await start()
  expect(await post('/v1/penalty', { ...JOB, cost: 12 })).toMatchObject({ remaining: 0 })
  await post('/v1/refund', { ...JOB, cost: 2 })
  expect(await post('/v1/check', JOB)).toMatchObject({ allowed: false })
})

test('POST /v1/reset is for operators, and begins the key anew', async () => {
  const { post, admin } = await start()
  await post('/v1/check', { ...JOB, cost: 10 })
  expect(await post('/v1/reset', JOB)).toMatchObject({ status: 404 })
  expect(await post('/v1/reset', JOB, admin)).toMatchObject({ status: 200, remaining: 10 })
})

describe('a reservation', () => {
  test('is settled once, for what was needed', async () => {
    const { post } = await start()
    const reserved = await post('/v1/reserve', { ...JOB, cost: 8 })
    expect(reserved).toMatchObject({ allowed: true, remaining: 2, expiresInMs: 60_000 })
    const settle = { reservation: reserved.reservation, cost: 3 }
    expect(await post('/v1/settle', settle)).toMatchObject({ again: false, remaining: 7 })
    expect(await post('/v1/settle', { ...settle, cost: 0 })).toMatchObject({
      again: true,
      remaining: 7,
    })
  })

  test('that needed more owes it', async () => {
    const { post } = await start()
    const { reservation } = await post('/v1/reserve', { ...JOB, cost: 6 })
    expect(await post('/v1/settle', { reservation, cost: 12 })).toMatchObject({ remaining: 0 })
    await post('/v1/refund', { ...JOB, cost: 2 })
    expect(await post('/v1/check', JOB)).toMatchObject({ allowed: false })
    await post('/v1/refund', { ...JOB, cost: 1 })
    expect(await post('/v1/check', JOB)).toMatchObject({ allowed: true })
  })

  test.each([
    ['aligned', { algorithm: 'fixed-window', rate: '10/m' }],
    ['opened by its first hit', { algorithm: 'fixed-window', opens: 'first-hit', rate: '10/m' }],
    ['sliding', { algorithm: 'sliding-window', rate: '10/m' }],
    ['of a calendar', { rate: '10/minute' }],
  ])('of a window, %s, gives the next one nothing', async (_, limit) => {
    const { post } = await start([limit])
    const { reservation } = await post('/v1/reserve', { ...JOB, cost: 10, forMs: 600_000 })
    nowMs += 62_000
    await post('/v1/check', { ...JOB, cost: 9 })
    expect(await post('/v1/settle', { reservation, cost: 0 })).toMatchObject({ remaining: 1 })
  })

  test('that was refused has no id', async () => {
    const { post } = await start()
    await post('/v1/check', { ...JOB, cost: 5 })
    const refused = await post('/v1/reserve', { ...JOB, cost: 6 })
    expect(refused).toMatchObject({ status: 200, allowed: false, remaining: 5 })
    expect(refused).not.toHaveProperty('reservation')
  })

  test('that has expired stays taken', async () => {
    const { post } = await start()
    const { reservation } = await post('/v1/reserve', { ...JOB, cost: 6, forMs: 1_000 })
    nowMs += 1_001
    expect(await post('/v1/settle', { reservation, cost: 0 })).toMatchObject({
      status: 410,
      code: 'reservation_expired',
    })
    expect(await post('/v1/check', { ...JOB, cost: 0 })).toMatchObject({ remaining: 4 })
  })

  test('may be settled until it expires, and not twice until then', async () => {
    const { post } = await start()
    const forMs = RESERVATION_MS_MAX
    const { reservation } = await post('/v1/reserve', { ...JOB, cost: 6, forMs })
    expect(await post('/v1/settle', { reservation, cost: 6 })).toMatchObject({ again: false })
    nowMs += forMs
    expect(await post('/v1/settle', { reservation, cost: 0 })).toMatchObject({ again: true })
  })

  test('of another cluster, or changed on the way, is none', async () => {
    const { post } = await start()
    const { reservation } = await post('/v1/reserve', { ...JOB, cost: 6 })
    const changed = `${reservation.slice(0, 20)}${reservation[20] === 'A' ? 'B' : 'A'}${reservation.slice(21)}`
    for (const id of [changed, `${reservation}A`, reservation.slice(0, -2), '', '%%%']) {
      expect(await post('/v1/settle', { reservation: id, cost: 0 })).toMatchObject({
        status: 400,
        code: 'invalid_reservation',
      })
    }
    expect(await post('/v1/check', { ...JOB, cost: 0 })).toMatchObject({ remaining: 4 })
  })
})

describe('concurrency', () => {
  const limits = [{ algorithm: 'concurrency', count: 2, expires: '30s' }]

  test('is permits that are given back', async () => {
    const { post } = await start(limits)
    const first = await post('/v1/reserve', JOB)
    await post('/v1/reserve', JOB)
    expect(await post('/v1/reserve', JOB)).toMatchObject({ allowed: false })
    await post('/v1/settle', { reservation: first.reservation, cost: 0 })
    expect(await post('/v1/reserve', JOB)).toMatchObject({ allowed: true })
  })

  test("that have come back by themselves give back nobody else's", async () => {
    const { post } = await start([{ ...limits[0], count: 1 }])
    const { reservation, expiresInMs } = await post('/v1/reserve', { ...JOB, forMs: 60_000 })
    expect(expiresInMs).toBe(30_000)
    nowMs += 31_000
    expect(await post('/v1/reserve', JOB)).toMatchObject({ allowed: true })
    expect(await post('/v1/settle', { reservation, cost: 0 })).toMatchObject({
      code: 'reservation_expired',
    })
    expect(await post('/v1/reserve', JOB)).toMatchObject({ allowed: false })
  })

  test('that nobody gives back come back by themselves, whatever is held beside them', async () => {
    const { post } = await start(limits)
    await post('/v1/reserve', JOB)
    for (let second = 0; second < 40; second++) {
      nowMs += 1_000
      const { reservation } = await post('/v1/reserve', JOB)
      await post('/v1/settle', { reservation, cost: 0 })
    }
    expect(await post('/v1/reserve', { ...JOB, cost: 2 })).toMatchObject({ allowed: true })
  })

  test('that are held for long are held until they are given back', async () => {
    const { post } = await start(limits)
    const long = await post('/v1/reserve', JOB)
    nowMs += 20_000
    await post('/v1/reserve', JOB)
    await post('/v1/settle', { reservation: long.reservation, cost: 0 })
    nowMs += 20_000
    expect(await post('/v1/check', { ...JOB, cost: 0 })).toMatchObject({ remaining: 1 })
  })

  test('may be given back for as long as they are held', async () => {
    const { post } = await start([{ ...limits[0], count: 1, expires: '10m' }])
    const { reservation } = await post('/v1/reserve', JOB)
    nowMs += 600_000
    expect(await post('/v1/settle', { reservation, cost: 0 })).toMatchObject({ remaining: 1 })
  })

  test('is never held for longer than it says', async () => {
    const { post } = await start(limits)
    await post('/v1/reserve', { ...JOB, cost: 2 })
    const refused = await post('/v1/reserve', JOB)
    expect(refused).toMatchObject({ allowed: false })
    expect(refused.retryAfterMs).toBeGreaterThanOrEqual(30_000)
    expect(refused.retryAfterMs).toBeLessThan(31_000)
    nowMs += refused.retryAfterMs
    expect(await post('/v1/reserve', JOB)).toMatchObject({ allowed: true })
  })
})

test('tokens are given back to the tier that they were taken from', async () => {
  const tiers = { free: { limits: [{ rate: '10/h' }] }, premium: { limits: [{ rate: '99/h' }] } }
  const rules = [{ name: 'jobs', tier: '{descriptor.plan}', tier_default: 'free' }]
  node = await createNode({ rules: { tiers, rules }, clock: { nowMs: () => nowMs } })
  const premium = { ...JOB, descriptors: { plan: 'premium' } }
  const post = async (url: string, cost: number) => {
    const payload = { ...premium, cost }
    return (await node?.app.inject({ method: 'POST', url, payload }))?.json()
  }
  expect(await post('/v1/check', 9)).toMatchObject({ rule: 'jobs', remaining: 90 })
  expect(await post('/v1/refund', 4)).toMatchObject({ rule: 'jobs', remaining: 94 })
  expect(await post('/v1/penalty', 5)).toMatchObject({ remaining: 89 })
  expect(await post('/v1/reserve', 9)).toMatchObject({ remaining: 80 })
  const reset = await node.admin.inject({ method: 'POST', url: '/v1/reset', payload: premium })
  expect(reset.json()).toMatchObject({ rule: 'jobs', limit: 99, remaining: 99 })
})
