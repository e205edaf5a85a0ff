import { mkdtempSync } from 'node:fs'
import { METHODS } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request as undici } from 'undici'
import { describe, expect, test } from 'vitest'
import { close } from '../../src/http/draining.ts'
import { listen } from '../../src/http/listen.ts'
import { buildDoors, postCheck } from '../support/doors.ts'

const RULES = {
  version: 1,
  tiers: {
    free: { limits: [{ rate: '2/m' }] },
    premium: { limits: [{ rate: '5/m' }] },
  },
  rules: [
    {
      name: 'api',
      match: { path: '/api/**', host: 'shop.example' },
      key: '{ip}',
      limits: [{ rate: '2/m' }],
    },
    {
      name: 'writes',
      match: { method: 'PUT', path: '/api/**' },
      key: '{cookie.session}:{query.q}',
      on_missing_key: 'skip',
      limits: [{ rate: '1/m' }],
    },
    {
      name: 'keyed',
      match: { path: '/keyed' },
      key: '{header.x-api-key}',
      limits: [{ rate: '2/m' }],
    },
    {
      name: 'tried',
      match: { path: '/tried' },
      key: '{ip}',
      mode: 'shadow',
      limits: [{ rate: '1/m' }],
    },
    {
      name: 'old',
      match: { path: '/old' },
      key: '{ip}',
      headers: 'legacy',
      limits: [{ rate: '1/m' }],
    },
    {
      name: 'plan',
      key: '{descriptor.user}',
      on_missing_key: 'skip',
      tier: '{descriptor.plan}',
      tier_default: 'free',
    },
  ],
}

const URL = '/v1/forward-auth'
const asked = (path: string, more: Record<string, string> = {}) => ({
  'x-forwarded-method': 'GET',
  'x-forwarded-uri': path,
  'x-forwarded-host': 'shop.example',
  'x-forwarded-for': '192.0.2.1',
  ...more,
})

describe('forward-auth', () => {
  test('lets pass with 204 and the limit, and refuses with 429, the limit and when to come again', async () => {
    const { data } = buildDoors({ rules: RULES })
    const replies = []
    for (let time = 0; time < 3; time++) {
      replies.push(await data.inject({ url: URL, headers: asked('/api/items?page=2') }))
    }
    expect(replies.map(({ statusCode }) => statusCode)).toEqual([204, 204, 429])
    const [first, , refused] = replies
    expect(first?.headers.ratelimit).toBe('"api";r=1;t=30')
    expect(first?.body).toBe('')
    expect(refused?.headers).toMatchObject({
      'ratelimit-policy': '"api";q=2;w=60',
      ratelimit: '"api";r=0;t=30',
      'retry-after': '30',
      'content-type': 'application/problem+json; charset=utf-8',
    })
    expect(refused?.json()).toMatchObject({ code: 'quota_exceeded', 'violated-policies': ['api'] })
  })

  test('refuses by the status that the proxy understands', async () => {
    const { data } = buildDoors({ rules: RULES })
    const headers = asked('/api/items')
    for (let time = 0; time < 2; time++) await data.inject({ url: URL, headers })
    for (const status of [401, 403, 429]) {
      const reply = await data.inject({ url: `${URL}?deny_status=${status}`, headers })
      expect(reply.statusCode).toBe(status)
      expect(reply.json()).toMatchObject({ status, code: 'quota_exceeded' })
      expect(reply.headers['retry-after']).toBe('30')
    }
    expect((await data.inject({ url: `${URL}?deny_status=200`, headers })).statusCode).toBe(400)
  })

  test('understands what nginx calls the original request', async () => {
    const { data } = buildDoors({ rules: RULES })
    const headers = {
      'x-original-method': 'PUT',
      'x-original-uri': '/api/items?q=7',
      cookie: 'session=s',
    }
    expect((await data.inject({ url: URL, headers })).headers.ratelimit).toContain('"writes"')
    expect((await data.inject({ url: URL, headers })).statusCode).toBe(429)
    const other = { ...headers, 'x-original-uri': '/api/items?q=8' }
    expect((await data.inject({ url: URL, headers: other })).statusCode).toBe(204)
  })

  test('lets pass without a limit what falls under no rule', async () => {
    const { data } = buildDoors({ rules: RULES })
    const reply = await data.inject({ url: URL, headers: asked('/elsewhere') })
    expect(reply.statusCode).toBe(204)
    expect(reply.headers).not.toHaveProperty('ratelimit')
  })

  test('refuses what lacks its key, and says what is missing', async () => {
    const { data } = buildDoors({ rules: RULES })
    const reply = await data.inject({ url: URL, headers: asked('/keyed') })
    expect(reply.statusCode).toBe(400)
    expect(reply.json()).toMatchObject({
      code: 'key_missing',
      detail: expect.stringContaining('header.x-api-key'),
    })
    const denied = await data.inject({ url: `${URL}?deny_status=403`, headers: asked('/keyed') })
    expect(denied.statusCode).toBe(403)
  })
})

describe('forward-auth as a door', () => {
  test('may be told the rule and the key', async () => {
    const { data } = buildDoors({ rules: RULES })
    const url = `${URL}?rule=plan&key=me&cost=2`
    expect((await data.inject(url)).statusCode).toBe(204)
    expect((await data.inject(url)).statusCode).toBe(429)
    expect((await data.inject(`${URL}?rule=plan`)).json()).toMatchObject({
      code: 'invalid_request',
    })
  })

  test('does not let the client choose by a query that its proxy passes on', async () => {
    const { data } = buildDoors({ rules: RULES })
    const query = '?rule=plan&key=me&cost=0'
    const passedOn = { url: `${URL}${query}`, headers: asked(`/api/items${query}`) }
    const reply = await data.inject(passedOn)
    expect(reply.statusCode).toBe(400)
    expect(reply.json().detail).toContain('deny_status=429')
    const own = { url: `${URL}?deny_status=429`, headers: asked('/api/items?deny_status=429') }
    expect((await data.inject(own)).statusCode).toBe(204)
  })

  test('takes every method and any body', async () => {
    const { data } = buildDoors({ rules: RULES })
    for (const method of METHODS.filter((name) => name !== 'CONNECT')) {
      const payload = method === 'POST' ? '{'.repeat(100_000) : undefined
      const headers = { ...asked('/elsewhere'), 'content-type': 'application/json' }
      const reply = await data.inject({
        method: method as 'GET',
        url: URL,
        headers,
        ...(payload && { payload }),
      })
      expect(reply.statusCode, method).toBe(204)
    }
  })

  test('tells clients nothing of rules in shadow mode, and counts what they would have refused', async () => {
    const { data, metrics } = buildDoors({ rules: RULES })
    for (let time = 0; time < 2; time++) {
      const reply = await data.inject({ url: URL, headers: asked('/tried') })
      expect(reply.statusCode).toBe(204)
      expect(reply.headers).not.toHaveProperty('ratelimit')
    }
    expect(await metrics.exposition()).toContain(
      'rate_limiter_checks_total{result="shadow",strategy="token-bucket",rule="tried"} 1',
    )
  })

  test('answers in the family of header fields that the rule asks for', async () => {
    const { data } = buildDoors({ rules: RULES })
    const { headers } = await data.inject({ url: URL, headers: asked('/old') })
    expect(headers['x-ratelimit-limit']).toBe('1')
    expect(headers).not.toHaveProperty('ratelimit')
  })
})

describe('the address of a client', () => {
  const url = `${URL}?deny_status=403`
  const spoof = (client: string, remoteAddress: string) => ({
    url,
    headers: asked('/api/items', { 'x-forwarded-for': client }),
    remoteAddress,
  })

  test('is what a trusted proxy says', async () => {
    const { data } = buildDoors({ rules: RULES })
    for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      const reply = await data.inject(spoof(client, '127.0.0.1'))
      expect(reply.headers.ratelimit).toBe('"api";r=1;t=30')
    }
  })

  test('is the peer itself when that is not trusted, whatever it says', async () => {
    const { data } = buildDoors({ rules: RULES })
    const statuses = []
    for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      statuses.push((await data.inject(spoof(client, '198.51.100.7'))).statusCode)
    }
    expect(statuses).toEqual([204, 204, 403])
  })

  test('is what anybody says who may connect to the Unix socket', async () => {
    const { data } = buildDoors({ rules: RULES })
    const path = join(mkdtempSync(join(tmpdir(), 'weir-')), 'door.sock')
    await listen(data, `unix:${path}`)
    const socket = new Agent({ connect: { socketPath: path } })
    const ask = async (more: Record<string, string>) => {
      const headers = { ...asked('/api/items'), ...more }
      return undici(`http://weir${URL}`, { dispatcher: socket, headers })
    }
    for (const client of ['192.0.2.1', '192.0.2.2']) {
      const reply = await ask({ 'x-forwarded-for': client })
      expect(reply.headers.ratelimit).toBe('"api";r=1;t=30')
    }
    await socket.close()
    await close(data)
  })

  test('is the last one that is not of a trusted proxy: what a client adds in front is ignored', async () => {
    const { data } = buildDoors({ rules: RULES })
    const statuses = []
    for (const forged of ['10.1.1.1', '10.1.1.2', '10.1.1.3']) {
      const reply = await data.inject(spoof(`${forged}, 192.0.2.9, 127.0.0.1`, '::ffff:127.0.0.1'))
      statuses.push(reply.statusCode)
    }
    expect(statuses).toEqual([204, 204, 403])
  })
})

describe('ext-authz', () => {
  test('looks at the path behind its own, and answers 200 or 429', async () => {
    const { data } = buildDoors({ rules: RULES })
    const statuses = []
    for (let time = 0; time < 3; time++) {
      const headers = { host: 'shop.example', 'x-forwarded-for': '192.0.2.1' }
      statuses.push((await data.inject({ url: '/v1/ext-authz/api/a%2Fb?x=1', headers })).statusCode)
    }
    expect(statuses).toEqual([200, 200, 429])
  })

  test('takes the host of the request, whatever its client says of another', async () => {
    const { data } = buildDoors({ rules: RULES })
    const statuses = []
    for (let time = 0; time < 3; time++) {
      const headers = { host: 'shop.example', 'x-forwarded-host': `${time}.example` }
      statuses.push((await data.inject({ url: '/v1/ext-authz/api/a', headers })).statusCode)
    }
    expect(statuses).toEqual([200, 200, 429])
  })

  test('takes the method of the request as it is', async () => {
    const { data } = buildDoors({ rules: RULES })
    const put = {
      method: 'PUT',
      url: '/v1/ext-authz/api/x?q=1',
      headers: { cookie: 'session=s' },
    } as const
    expect((await data.inject(put)).statusCode).toBe(200)
    expect((await data.inject(put)).statusCode).toBe(429)
    expect((await data.inject({ ...put, method: 'GET' })).statusCode).toBe(200)
    expect((await data.inject({ ...put, url: '/v1/ext-authz' })).statusCode).toBe(200)
  })
})

describe('a check by descriptors', () => {
  test('falls under the rules that match', async () => {
    const { data } = buildDoors({ rules: RULES })
    const body = { descriptors: { user: 'u', plan: 'premium' } }
    expect((await postCheck(data, body)).json()).toMatchObject({
      rule: 'plan',
      limit: 5,
      remaining: 4,
    })
    const both = {
      ...body,
      ip: '192.0.2.1',
      host: 'shop.example',
      path: '/api/x',
      headers: { 'X-Api-Key': 'k' },
    }
    const reply = await postCheck(data, both)
    expect(reply.json()).toMatchObject({ rule: 'api', remaining: 1 })
    expect(reply.headers['ratelimit-policy']).toBe('"api";q=2;w=60, "plan";q=5;w=60')
    expect(reply.headers.ratelimit).toBe('"api";r=1;t=30')
  })

  test('may stand beside a rule and a key, to choose the tier', async () => {
    const { data } = buildDoors({ rules: RULES })
    const body = { rule: 'plan', key: 'u', descriptors: { plan: 'premium' } }
    expect((await postCheck(data, body)).json()).toMatchObject({ rule: 'plan', limit: 5 })
  })

  test('takes names of object properties for names', async () => {
    const { data } = buildDoors({ rules: RULES })
    const reply = await postCheck(data, '{"descriptors":{"__proto__":"a","constructor":"b"}}')
    expect(reply.json()).toMatchObject({ allowed: true, reason: 'no_rule' })
  })

  test('may be one of a batch', async () => {
    const { data } = buildDoors({ rules: RULES })
    const reply = await postCheck(data, {
      checks: [{ descriptors: { user: 'u' } }, { rule: 'plan', key: 'u' }],
    })
    expect(reply.json().answers).toMatchObject([{ remaining: 1 }, { remaining: 0 }])
  })

  test.each([
    [{ descriptors: { user: 5 } }, '/descriptors/user'],
    [{ descriptors: [] }, '/descriptors'],
    [{ descriptors: {}, rule: 'plan' }, ''],
    [{ descriptors: {}, body: 'x' }, '/body'],
  ])('that does not fit is refused: %j', async (body, pointer) => {
    const { data } = buildDoors({ rules: RULES })
    const reply = await postCheck(data, body)
    expect(reply.statusCode).toBe(400)
    expect(reply.json().errors[0]).toMatchObject({ pointer })
  })
})
