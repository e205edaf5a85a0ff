import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BATCH_BODY_BYTES_MAX, BODY_BYTES_MAX } from '../../src/http/limits.ts'
import { createNode, type WeirNode } from '../../src/index.ts'

// A request that makes no sense is answered with a problem, and takes nothing from anybody.

const KEY = 'watched'
const RULES = `version: 1
rules:
  - name: slow
    limits: [{ rate: 60/m, burst: 60 }]
  - name: described
    match: { path: /described }
    key: "{descriptor.user}"
    limits: [{ rate: 60/m, burst: 60 }]
`

let node: WeirNode
let url: string
beforeAll(async () => {
  node = await createNode({ rules: RULES })
  url = await node.listen('127.0.0.1:0')
  for (let taken = 0; taken < 20; taken++) await node.check({ rule: 'slow', key: KEY })
})
afterAll(() => node.close())

/** Everything that a request could have changed: the key, the number of keys, and what all objects share. */
async function state() {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const inspection = node.inspect('slow', KEY)
  const counts = 'limits' in inspection ? inspection.limits.map((limit) => limit.counts) : []
  return {
    counts,
    keys: /^rate_limiter_keys (\d+)$/m.exec(metrics)?.[1],
    shared: Object.getOwnPropertyNames(Object.prototype).length,
  }
}

function post(path: string, body: string, type = 'application/json'): Promise<Response> {
  return fetch(url + path, { method: 'POST', headers: { 'content-type': type }, body })
}

async function refused(reply: Response): Promise<string> {
  expect(reply.status).toBeGreaterThanOrEqual(400)
  expect(reply.status).toBeLessThan(500)
  expect(reply.headers.get('content-type')).toContain('application/problem+json')
  const problem = (await reply.json()) as { code: string; detail: string }
  expect(problem.detail.length).toBeGreaterThan(10)
  return problem.code
}

const nested = (open: string, close: string, bytes: number) => {
  const levels = Math.floor(bytes / (open.length + close.length)) - 8
  return open.repeat(levels) + close.repeat(levels)
}
const valid = (more: string) => `{"rule":"slow","key":"${KEY}"${more}}`

const bodies: [what: string, body: string, code: string][] = [
  ['nothing', '', 'malformed_json'],
  ['half an object', '{"rule":', 'malformed_json'],
  ['a NUL', '\0', 'malformed_json'],
  ['a byte order mark', `\uFEFF${valid('')}`, 'malformed_json'],
  ['a number', '1', 'invalid_request'],
  ['null', 'null', 'invalid_request'],
  ['an empty list', '[]', 'invalid_request'],
  ['a list of checks', `[${valid('')}]`, 'invalid_request'],
  ['a nest of lists', nested('[', ']', BODY_BYTES_MAX), 'invalid_request'],
  ['a nest of objects', `${nested('{"a":', '', 8_000)}1${'}'.repeat(1_592)}`, 'invalid_request'],
  [
    'a nest in a batch',
    `{"checks":[${nested('[', ']', BATCH_BODY_BYTES_MAX)}]}`,
    'invalid_request',
  ],
  ['a nest in a field', valid(`,"descriptors":${nested('[', ']', 8_000)}`), 'invalid_request'],
  ['no key', '{"rule":"slow"}', 'invalid_request'],
  ['an unknown property', valid(',"hits":1'), 'invalid_request'],
  ['a prototype', valid(',"__proto__":{"cost":1}'), 'invalid_request'],
  ['a constructor', valid(',"constructor":{"prototype":{"cost":1}}'), 'invalid_request'],
  ['a key that is a number', '{"rule":"slow","key":1}', 'invalid_request'],
  ['a key that is a list', `{"rule":"slow","key":["${KEY}"]}`, 'invalid_request'],
  ['a cost in words', valid(',"cost":"5"'), 'invalid_request'],
  ['a cost that is true', valid(',"cost":true'), 'invalid_request'],
  ['no cost', valid(',"cost":null'), 'invalid_request'],
  ['a fraction', valid(',"cost":0.5'), 'invalid_request'],
  ['a negative cost', valid(',"cost":-1'), 'invalid_request'],
  ['a cost beyond the burst', valid(',"cost":61'), 'invalid_cost'],
  ['a cost beyond whole numbers', valid(',"cost":9007199254740993'), 'invalid_cost'],
  ['a cost beyond all numbers', valid(',"cost":1e400'), 'invalid_request'],
  ['a rule that is a prototype', `{"rule":"__proto__","key":"${KEY}"}`, 'unknown_rule'],
  ['a rule that is a constructor', `{"rule":"constructor","key":"${KEY}"}`, 'unknown_rule'],
  ['a key of 257 bytes', `{"rule":"slow","key":"${'k'.repeat(257)}"}`, 'invalid_key'],
  ['a batch of nothing', '{"checks":[]}', 'invalid_request'],
  ['a batch that is none', '{"checks":{"length":1}}', 'invalid_request'],
  ['a batch with one bad check', `{"checks":[${valid('')},{}]}`, 'invalid_request'],
  ['a batch by keys that is none', '{"rule":"slow","keys":{"length":1}}', 'invalid_request'],
  [
    'a batch by keys with one too long',
    `{"rule":"slow","keys":["${KEY}","${'k'.repeat(257)}"]}`,
    'invalid_key',
  ],
  [
    'a batch by keys beyond the burst',
    `{"rule":"slow","keys":["${KEY}"],"cost":61}`,
    'invalid_cost',
  ],
  ['a descriptor that is an object', '{"descriptors":{"user":{}}}', 'invalid_request'],
  ['too much', JSON.stringify({ rule: 'slow', key: 'x'.repeat(300_000) }), 'body_too_large'],
]

describe('a body that makes no sense', () => {
  test.each(bodies)('(%s) is refused, and takes nothing', async (_, body, code) => {
    const before = await state()
    expect(await refused(await post('/v1/check', body))).toBe(code)
    expect(await state()).toEqual(before)
  })

  test.each(['/v1/refund', '/v1/penalty', '/v1/reserve', '/v1/settle'])(
    'is refused by %s, too',
    async (path) => {
      const before = await state()
      for (const [what, body] of bodies) {
        // What is given back or taken anyway may be above the burst.
        if (what.includes('batch') || what.includes('beyond the burst')) continue
        await refused(await post(path, body))
      }
      expect(await state()).toEqual(before)
    },
  )

  test('is refused when it is none of JSON', async () => {
    const before = await state()
    expect(await refused(await post('/v1/check', 'slow', 'text/plain'))).toBe(
      'unsupported_media_type',
    )
    expect(await state()).toEqual(before)
  })

  test('takes nothing when it is cut short, or longer than it says', async () => {
    const before = await state()
    const { hostname, port } = new URL(url)
    const whole = valid('')
    for (const said of [whole.length + 10, whole.length - 5]) {
      const socket = connect(Number(port), hostname).resume()
      socket.end(
        `POST /v1/check HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${said}\r\n\r\n${whole}`,
      )
      await once(socket, 'close')
    }
    expect(await state()).toEqual(before)
  })
})

describe('a query or path that makes no sense', () => {
  test.each([
    ['/v1/gate', 'invalid_request'],
    ['/v1/gate?rule=slow', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&key=b', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&hits=1', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&__proto__=1', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&__proto__[cost]=1', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&cost=-1', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&cost=0.5', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&cost=1e3', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&cost=0x1', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&cost=9999999999999999999', 'invalid_request'],
    ['/v1/gate?rule=slow&key=a&cost=61', 'invalid_cost'],
    ['/v1/gate?rule=constructor&key=a', 'unknown_rule'],
    [`/v1/gate?rule=slow&key=${'k'.repeat(257)}`, 'invalid_key'],
    ['/v1/forward-auth?rule=slow', 'invalid_request'],
    ['/v1/forward-auth?deny_status=200', 'invalid_request'],
    ['/__proto__', 'not_found'],
    ['/v1/%zz', 'malformed_http'],
  ])('(%s) is refused, and takes nothing', async (path, code) => {
    const before = await state()
    expect(await refused(await fetch(url + path))).toBe(code)
    expect(await state()).toEqual(before)
  })
})

describe('a name that every object has', () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf']

  test.each(names)('(%j) is a key like any other', async (key) => {
    const ask = async () => (await post('/v1/check', JSON.stringify({ rule: 'slow', key }))).json()
    expect(await ask()).toMatchObject({ allowed: true, remaining: 59 })
    expect(await ask()).toMatchObject({ allowed: true, remaining: 58 })
  })

  test.each(names)('(%j) is a descriptor and a header like any other', async (name) => {
    const before = await state()
    const body = `{"path":"/elsewhere","descriptors":{${JSON.stringify(name)}:"x"},"headers":{${JSON.stringify(name)}:"x"}}`
    expect(await (await post('/v1/check', body)).json()).toMatchObject({ reason: 'no_rule' })
    const missing = body.replace('/elsewhere', '/described')
    expect(await (await post('/v1/check', missing)).json()).toMatchObject({ reason: 'key_missing' })
    expect(await state()).toEqual(before)
  })

  test('is a header field like any other', async () => {
    const before = await state()
    for (const name of names) {
      const headers = { [name]: 'x', 'x-forwarded-uri': '/elsewhere' }
      expect((await fetch(`${url}/v1/forward-auth`, { headers })).status).toBe(204)
    }
    expect(await state()).toEqual(before)
  })
})
