import type { IncomingHttpHeaders } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { type Client, type ClientOptions, createClient } from '../../src/client/index.ts'
import { close as closeDoor } from '../../src/http/draining.ts'
import { listen } from '../../src/http/listen.ts'
import { answerOf } from '../../src/middleware/gatekeeper.ts'
import type { Source } from '../../src/middleware/limiter.ts'
import { buildDoors } from '../support/doors.ts'
import { ScriptedServer } from '../support/scripted-server.ts'
import { type AppOptions, apps, type StartApp } from './apps.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function clientOf(url: string, onFailure: ClientOptions['onFailure'] = 'open'): Client {
  const client = createClient({ url, onFailure, deadlineMs: 5_000 })
  cleanups.push(() => client.close())
  return client
}

async function sidecar(options: Parameters<typeof buildDoors>[0] = {}): Promise<Source> {
  const doors = buildDoors(options)
  const url = await listen(doors.data, '127.0.0.1:0')
  cleanups.push(() => closeDoor(doors.data))
  return { client: clientOf(url) }
}

const embedded: typeof sidecar = async (options) => ({ node: buildDoors(options).node })

const TIERED = {
  tiers: { free: { limits: [{ rate: '5/m' }] }, paid: { limits: [{ rate: '50/m' }] } },
  rules: [{ name: 'api', tier: '{descriptor.plan}', tier_default: 'free' }],
}
const DEAR = { rules: [{ name: 'dear', cost: 3, limits: [{ rate: '8/m' }] }] }

const key = (request: { readonly headers: IncomingHttpHeaders }) =>
  request.headers['x-user'] as string | undefined

async function get(url: string, user?: string) {
  const reply = await fetch(url, { headers: user === undefined ? {} : { 'x-user': user } })
  const fields = [...reply.headers].filter(([name]) => /ratelimit|retry-after/.test(name))
  const text = await reply.text()
  return { status: reply.status, type: reply.headers.get('content-type'), fields, text }
}

/** Starts apps of one framework, for as long as the test lasts. */
function starting(start: StartApp) {
  return async (...options: readonly AppOptions[]): Promise<string> => {
    const started = await start(...options)
    cleanups.push(() => started.stop())
    return started.url
  }
}

const pairs = apps.flatMap(([framework, start]) => [
  [`${framework} with a sidecar`, starting(start), sidecar] as const,
  [`${framework} with a node in this process`, starting(start), embedded] as const,
])

describe.each(pairs)('%s', (_pair, app, source) => {
  test('lets pass what is within the limit, and says how much is left', async () => {
    const url = await app({ ...(await source()), rule: 'per-user', key })
    expect(await get(url, 'a')).toMatchObject({
      status: 200,
      text: 'hello',
      fields: [
        ['ratelimit', '"per-user";r=2;t=1'],
        ['ratelimit-policy', '"per-user";q=100;w=60'],
      ],
    })
  })

  test('answers what is above it with 429, a problem, and when to come back', async () => {
    const url = await app({ ...(await source()), rule: 'login', key })
    for (let taken = 0; taken < 5; taken++) expect((await get(url, 'a')).status).toBe(200)
    const denied = await get(url, 'a')
    expect(denied).toMatchObject({
      status: 429,
      type: 'application/problem+json; charset=utf-8',
      fields: [
        ['ratelimit', '"login/1";r=0;t=2'],
        ['ratelimit-policy', '"login/1";q=5;w=10, "login/2";q=30;w=3600'],
        ['retry-after', '2'],
      ],
    })
    expect(JSON.parse(denied.text)).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Quota Exceeded',
      status: 429,
      code: 'quota_exceeded',
      detail: 'The limit "login/1" is used up: retry in 2 s.',
      'violated-policies': ['login/1'],
      retryAfterMs: 2_000,
    })
    expect((await get(url, 'b')).status).toBe(200)
  })

  test('counts requests that come together', async () => {
    const url = await app({ ...(await source()), rule: 'per-user', key })
    const replies = await Promise.all(Array.from({ length: 20 }, () => get(url, 'a')))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(3)
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(17)
  })

  test('counts an empty key like any other', async () => {
    const url = await app({ ...(await source()), rule: 'per-user', key })
    for (let taken = 0; taken < 3; taken++) expect((await get(url, '')).status).toBe(200)
    expect((await get(url, '')).status).toBe(429)
    expect((await get(url, 'a')).status).toBe(200)
  })

  test('takes the cost that a request has', async () => {
    const options = { rule: 'per-user', key, cost: () => 3 }
    const url = await app({ ...(await source()), ...options })
    expect((await get(url, 'a')).status).toBe(200)
    expect((await get(url, 'a')).status).toBe(429)
  })

  test('takes what the rule says from a request that has no cost', async () => {
    const limiter = await source({ rules: DEAR })
    const url = await app({ ...limiter, rule: 'dear', key })
    expect((await get(url, 'a')).fields).toContainEqual(['ratelimit', '"dear";r=5;t=23'])
    const some = await app({ ...limiter, rule: 'dear', key, cost: () => undefined })
    expect((await get(some, 'a')).fields).toContainEqual(['ratelimit', '"dear";r=2;t=45'])
  })

  test('takes from the tier that descriptors choose', async () => {
    const options = { rule: 'api', key, descriptors: () => ({ plan: 'paid' }) }
    const url = await app({ ...(await source({ rules: TIERED })), ...options })
    expect((await get(url, 'a')).fields).toContainEqual(['ratelimit', '"api";r=49;t=2'])
  })
})

describe.each(pairs)('%s', (_pair, app, source) => {
  test('refuses a request without a key, or lets it pass if told so', async () => {
    const limiter = await source()
    const strict = await app({ ...limiter, rule: 'per-user', key })
    const refused = await get(strict)
    expect(refused).toMatchObject({ status: 400, fields: [] })
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'key_missing' })
    const lenient = await app({ ...limiter, rule: 'per-user', key, onMissingKey: 'skip' })
    expect(await get(lenient)).toMatchObject({ status: 200, fields: [] })
  })

  test('counts a key of any length, and tells long ones apart', async () => {
    const url = await app({ ...(await source()), rule: 'per-user', key })
    const long = 'x'.repeat(1_000)
    const burst = [await get(url, long), await get(url, long), await get(url, long)]
    expect(burst.map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await get(url, long)).status).toBe(429)
    expect((await get(url, `${long}y`)).status).toBe(200)
  })

  test('does not ask for a request that is skipped', async () => {
    const options = { rule: 'per-user', key, skip: () => true }
    const url = await app({ ...(await source()), ...options })
    for (let sent = 0; sent < 5; sent++) {
      expect(await get(url, 'a')).toMatchObject({ status: 200, fields: [] })
    }
  })

  test('treats a rule that is not there as the error of the app that it is', async () => {
    const url = await app({ ...(await source()), rule: 'nobody', key })
    expect((await get(url, 'a')).status).toBe(500)
  })

  test('puts the fields of several limits side by side', async () => {
    const limiter = await source()
    const url = await app({ ...limiter, rule: 'per-user', key }, { ...limiter, rule: 'login', key })
    const { fields } = await get(url, 'a')
    expect(Object.fromEntries(fields)).toMatchObject({
      ratelimit: '"per-user";r=2;t=1, "login/1";r=4;t=2',
    })
  })

  test('writes the older fields if told so', async () => {
    const url = await app({ ...(await source()), rule: 'per-user', key, headers: 'legacy' })
    expect((await get(url, 'a')).fields).toEqual([
      ['x-ratelimit-limit', '3'],
      ['x-ratelimit-remaining', '2'],
      ['x-ratelimit-reset', '1'],
    ])
  })
})

describe.each(apps)('%s', (_framework, start) => {
  const app = starting(start)

  test('passes on the fields that its sidecar sends', async () => {
    const url = await app({ ...(await sidecar({ headers: 'legacy' })), rule: 'per-user', key })
    expect((await get(url, 'a')).fields).toEqual([
      ['x-ratelimit-limit', '3'],
      ['x-ratelimit-remaining', '2'],
      ['x-ratelimit-reset', '1'],
    ])
  })

  test('asks before the handler, once, and keeps the answer for it', async () => {
    let seen: object | undefined
    const url = await app({
      ...(await sidecar()),
      rule: 'per-user',
      key: (request) => {
        seen = request
        return 'a'
      },
    })
    await get(url)
    expect(answerOf(seen ?? {})).toMatchObject({ allowed: true, remaining: 2, decidedBy: 'owner' })
  })

  describe('without its sidecar', () => {
    async function without(onFailure: ClientOptions['onFailure']): Promise<string> {
      const server = await ScriptedServer.start(() => 'reset')
      const client = clientOf(server.url, onFailure)
      await server.stop()
      return app({ client, rule: 'per-user', key })
    }

    test('lets everybody pass when the client fails open', async () => {
      const url = await without('open')
      for (let sent = 0; sent < 10; sent++) {
        expect(await get(url, 'a')).toMatchObject({ status: 200, fields: [], text: 'hello' })
      }
    })

    test('is 503, not 429, when the client fails closed', async () => {
      const url = await without('closed')
      for (let sent = 0; sent < 10; sent++) {
        const denied = await get(url, 'a')
        expect(denied).toMatchObject({ status: 503, fields: [['retry-after', '1']] })
        expect(JSON.parse(denied.text)).toMatchObject({ code: 'overloaded' })
      }
    })
  })
})
