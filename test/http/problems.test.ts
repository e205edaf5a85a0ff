import { describe, expect, test } from 'vitest'
import { close } from '../../src/http/draining.ts'
import {
  BATCH_BODY_BYTES_MAX,
  BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  HEADER_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  REQUEST_TIMEOUT_MS,
} from '../../src/http/limits.ts'
import { listen } from '../../src/http/listen.ts'
import { buildDoors, postCheck } from '../support/doors.ts'
import { rawExchange } from '../support/raw-exchange.ts'

const CHECK = '{"rule":"per-user","key":"a"}'

describe('a body', () => {
  test.each([
    ['as long as the limit', BODY_BYTES_MAX, 200],
    ['longer than the limit', BODY_BYTES_MAX + 1, 413],
  ])('%s is answered by its length in bytes', async (_what, bytes, status) => {
    const { data } = buildDoors()
    expect((await postCheck(data, CHECK.padEnd(bytes))).statusCode).toBe(status)
  })

  test('is measured in bytes, not in characters', async () => {
    const { data } = buildDoors()
    const key = '€'.repeat(BODY_BYTES_MAX / 3)
    const reply = await postCheck(data, { rule: 'per-user', key })
    expect(reply.json().code).toBe('body_too_large')
  })

  test('of a batch has its own limit', async () => {
    const { data } = buildDoors()
    const batch = `{"checks":[${CHECK}]}`
    expect((await postCheck(data, batch.padEnd(BATCH_BODY_BYTES_MAX))).statusCode).toBe(200)
    const reply = await postCheck(data, batch.padEnd(BATCH_BODY_BYTES_MAX + 1))
    expect(reply.json()).toMatchObject({ status: 413, code: 'body_too_large' })
  })

  test.each(['', '{', '{"rule":}', '\u0000', CHECK + CHECK, `'${CHECK}'`])(
    'that is not JSON is malformed: %j',
    async (text) => {
      const { data } = buildDoors()
      expect((await postCheck(data, text)).json()).toMatchObject({
        status: 400,
        code: 'malformed_json',
      })
    },
  )

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'nonsense'])(
    'of type %s is not supported',
    async (type) => {
      const { data } = buildDoors()
      const reply = await data.inject({
        method: 'POST',
        url: '/v1/check',
        headers: { 'content-type': type },
        payload: CHECK,
      })
      expect(reply.json()).toMatchObject({ status: 415, code: 'unsupported_media_type' })
    },
  )
})

describe('a path', () => {
  test('that is unknown is answered by the known ones', async () => {
    const { data, admin } = buildDoors()
    const onData = await data.inject({ method: 'POST', url: '/v2/check', payload: '{' })
    expect(onData.statusCode).toBe(404)
    expect(onData.json().known).toEqual([
      'POST /v1/check',
      'ANY /v1/gate',
      'ANY /v1/forward-auth',
      'ANY /v1/ext-authz',
      'ANY /v1/ext-authz/*',
      'POST /v1/refund',
      'POST /v1/penalty',
      'POST /v1/reserve',
      'POST /v1/settle',
      'GET, HEAD /livez',
      'GET, HEAD /readyz',
      'GET, HEAD /metrics',
    ])
    const onAdmin = await admin.inject('/v1/check')
    expect(onAdmin.json().known).toContain('GET, HEAD /api/v1/debug/:key')
  })

  test.each(['GET', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'that is known under another method is not answered for %s',
    async (method) => {
      const { data } = buildDoors()
      const reply = await data.inject({ method: method as 'GET', url: '/v1/check', payload: '{' })
      expect(reply.json()).toMatchObject({ status: 405, code: 'method_not_allowed' })
      expect(reply.headers.allow).toBe('POST')
    },
  )

  test('with a broken escape is malformed', async () => {
    const { data } = buildDoors()
    const reply = await data.inject('/v1/%zz')
    expect(reply.json()).toMatchObject({ status: 400, code: 'malformed_http' })
  })
})

describe('bytes on a socket', () => {
  test.each([
    ['not HTTP', 'rubbish\r\n\r\n', 400, 'malformed_http'],
    [
      'endless headers',
      `GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(HEADER_BYTES_MAX)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ])(
    'that are %s are answered, and the connection is closed',
    async (_what, text, status, code) => {
      const { data } = buildDoors()
      const reply = await rawExchange(await listen(data, '127.0.0.1:0'), text)
      const [head = '', body = ''] = reply.split('\r\n\r\n')
      expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(JSON.parse(body)).toMatchObject({ status, code })
      await close(data)
    },
  )

  test('that do not make a whole request in time are answered, and the connection is closed', async () => {
    const { data } = buildDoors()
    const url = await listen(data, '127.0.0.1:0')
    data.server.headersTimeout = 1
    const reply = await rawExchange(url, 'GET /livez HTTP/1.1\r\n')
    expect(reply).toMatch(/^HTTP\/1\.1 408 .*"code":"request_timeout"/s)
    await close(data)
  })
})

test('a door has its limits', () => {
  const { server } = buildDoors().data
  expect(server).toMatchObject({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxConnections: CONNECTIONS_MAX,
  })
})
