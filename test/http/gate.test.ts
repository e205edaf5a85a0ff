import { METHODS } from 'node:http'
import { describe, expect, test } from 'vitest'
import { close } from '../../src/http/draining.ts'
import { listen } from '../../src/http/listen.ts'
import { buildDoors } from '../support/doors.ts'
import { rawExchange } from '../support/raw-exchange.ts'

const GATE = '/v1/gate?rule=per-user&key=a'

describe('the gate', () => {
  test('is 204 while tokens remain and 429 after that', async () => {
    const { data } = buildDoors()
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) statuses.push((await data.inject(GATE)).statusCode)
    expect(statuses).toEqual([204, 204, 204, 429])
  })

  test('answers a refusal with the problem type for used-up quotas and the names of the policies', async () => {
    const { data } = buildDoors()
    await data.inject('/v1/gate?rule=login&key=a&cost=5')
    const reply = await data.inject('/v1/gate?rule=login&key=a')
    expect(reply.headers['content-type']).toContain('application/problem+json')
    expect(reply.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      status: 429,
      code: 'quota_exceeded',
      'violated-policies': ['login/1'],
      retryAfterMs: 2_000,
    })
    expect(reply.headers['retry-after']).toBe('2')
  })

  test('takes every method', async () => {
    const { data } = buildDoors()
    for (const method of METHODS.filter((name) => name !== 'CONNECT')) {
      const url = `/v1/gate?rule=per-user&key=${method}`
      const reply = await data.inject({ method: method as 'GET', url })
      expect(reply.statusCode, method).toBe(204)
    }
  })

  test('ignores a body of any type and size', async () => {
    const { data } = buildDoors()
    for (const type of ['application/json', 'text/plain', 'image/png']) {
      const headers = { 'content-type': type }
      const payload = '{'.repeat(1_000_000)
      const reply = await data.inject({ method: 'POST', url: GATE, headers, payload })
      expect(reply.statusCode, type).toBe(204)
    }
  })

  test('waits for another node without blocking the door', async () => {
    const { data, node } = buildDoors()
    node.remote.add('far')
    const far = data.inject('/v1/gate?rule=per-user&key=far')
    await expect.poll(() => node.waiting).toBe(1)
    expect((await data.inject(GATE)).statusCode).toBe(204)
    node.deliver()
    expect((await far).statusCode).toBe(204)
  })

  test('decodes its parameters once', async () => {
    const { data, admin } = buildDoors()
    await data.inject('/v1/gate?rule=per-user&key=a%252Fb%20%26')
    const inspected = await admin.inject('/api/v1/debug/a%252Fb%20%26?rule=per-user')
    expect(inspected.json()).toMatchObject({ key: 'a%2Fb &', limits: [{ level: 1 }] })
  })

  test('is 503 when the node has no room for the key: no quota was used up', async () => {
    const { data, node } = buildDoors()
    node.keysMax = 0
    const reply = await data.inject(GATE)
    expect(reply.statusCode).toBe(503)
    expect(reply.headers['retry-after']).toBe('1')
    expect(reply.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      code: 'overloaded',
    })
  })
})

describe('the parameters of the gate', () => {
  test.each(['1.0', '1e0', ' 1', '+1', '-1', '0x1', '', 'one', '9'.repeat(16)])(
    'takes a cost in decimal digits only: "%s" is refused',
    async (cost) => {
      const { data } = buildDoors()
      const reply = await data.inject(`${GATE}&cost=${encodeURIComponent(cost)}`)
      expect(reply.statusCode).toBe(400)
      expect(reply.json()).toMatchObject({
        code: 'invalid_request',
        errors: [{ in: 'query', pointer: '/cost' }],
      })
    },
  )

  test.each([
    ['a parameter that is missing', '/v1/gate?rule=per-user', ''],
    ['a parameter that is unknown', `${GATE}&costs=1`, '/costs'],
    ['a parameter that comes twice', `${GATE}&key=b`, '/key'],
  ])('refuses %s', async (_why, url, pointer) => {
    const { data } = buildDoors()
    const reply = await data.inject(url)
    expect(reply.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
  })
})

test('HEAD is answered like GET, without a body', async () => {
  const { data } = buildDoors()
  const url = await listen(data, '127.0.0.1:0')
  await data.inject(`${GATE}&cost=3`)
  const [head, get] = await Promise.all(
    ['HEAD', 'GET'].map((method) =>
      rawExchange(url, `${method} ${GATE} HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n`),
    ),
  )
  expect(head).toMatch(/^HTTP\/1\.1 429 .*\r\nretry-after: 1\r\n.*\r\n\r\n$/s)
  const withoutDate = (text = '') => text.replace(/^Date: .*$/m, '')
  expect(withoutDate(get).startsWith(withoutDate(head))).toBe(true)
  expect(get).toContain('"code":"quota_exceeded"')
  await close(data)
})
