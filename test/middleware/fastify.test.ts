import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { answerOf, rateLimit } from '../../src/middleware/fastify.ts'
import { buildDoors } from '../support/doors.ts'

const open: FastifyInstance[] = []
afterEach(async () => {
  for (const app of open.splice(0)) await app.close()
})

function empty(): FastifyInstance {
  const app = Fastify()
  open.push(app)
  return app
}

async function statuses(app: FastifyInstance, ...paths: readonly string[]): Promise<number[]> {
  const replies: number[] = []
  for (const url of paths) replies.push((await app.inject({ url })).statusCode)
  return replies
}

const hello = () => 'hello'
const key = () => 'a'

describe('a route', () => {
  test('may have another rule, cost or key, or no limit at all', async () => {
    const { node } = buildDoors()
    const app = empty()
    await app.register(rateLimit, { node, rule: 'per-user', key })
    app.get('/', hello)
    app.get('/dear', { config: { weir: { cost: 3, key: () => 'b' } } }, hello)
    app.get('/login', { config: { weir: { rule: 'login', cost: 5 } } }, hello)
    app.get('/free', { config: { weir: false } }, hello)

    expect(await statuses(app, '/dear', '/dear')).toEqual([200, 429])
    expect(await statuses(app, '/login', '/login')).toEqual([200, 429])
    expect(await statuses(app, '/', '/', '/', '/')).toEqual([200, 200, 200, 429])
    expect(await statuses(app, '/free', '/free')).toEqual([200, 200])
  })

  test('is the only thing limited when the plugin names no rule', async () => {
    const { node } = buildDoors()
    const app = empty()
    await app.register(rateLimit, { node, key })
    app.get('/', hello)
    app.get('/login', { config: { weir: { rule: 'login', cost: 5 } } }, hello)
    expect(await statuses(app, '/login', '/login', '/', '/')).toEqual([200, 429, 200, 200])
  })

  test('that is not there is limited too', async () => {
    const { node } = buildDoors()
    const app = empty()
    await app.register(rateLimit, { node, rule: 'per-user', key })
    expect(await statuses(app, '/x', '/y', '/z', '/x')).toEqual([404, 404, 404, 429])
  })
})

describe('a scope', () => {
  test('is limited with those within it, and those beside it are not', async () => {
    const { node } = buildDoors()
    const app = empty()
    app.get('/', hello)
    await app.register((limited, _options, done) => {
      limited.register(rateLimit, { node, rule: 'per-user', key, cost: 3 })
      limited.get('/limited', hello)
      limited.register((inner, _inner, innerDone) => {
        inner.get('/inner', hello)
        innerDone()
      })
      done()
    })
    expect(await statuses(app, '/limited', '/inner', '/', '/')).toEqual([200, 429, 200, 200])
  })

  test('within a limited one adds its own limit', async () => {
    const { node } = buildDoors()
    const app = empty()
    await app.register(rateLimit, { node, rule: 'per-user', key })
    await app.register((inner, _options, done) => {
      inner.register(rateLimit, { node, rule: 'login', key, cost: 5 })
      inner.get('/inner', hello)
      done()
    })
    app.get('/', hello)
    expect(await statuses(app, '/inner', '/inner', '/', '/')).toEqual([200, 429, 200, 429])
  })
})

describe('the hook', () => {
  test('may come after the body, for a key that is in it', async () => {
    const { node } = buildDoors()
    const app = empty()
    await app.register(rateLimit, {
      node,
      rule: 'per-user',
      hook: 'preHandler',
      cost: 3,
      key: (request) => (request.body as { user?: string }).user,
    })
    app.post('/', hello)
    const post = async (user: string) =>
      (await app.inject({ method: 'POST', url: '/', payload: { user } })).statusCode
    expect([await post('a'), await post('b'), await post('a')]).toEqual([200, 200, 429])
  })

  test('comes before the body is read, if not told otherwise', async () => {
    const { node } = buildDoors()
    const app = empty()
    await app.register(rateLimit, { node, rule: 'per-user', key, cost: 3 })
    app.post('/', hello)
    const headers = { 'content-type': 'application/json' }
    const broken = { method: 'POST', url: '/', headers, payload: '{' } as const
    expect((await app.inject(broken)).statusCode).toBe(400)
    expect((await app.inject(broken)).statusCode).toBe(429)
  })
})

test('a request waits while another node decides', async () => {
  const { node } = buildDoors()
  node.remote.add('a')
  const app = empty()
  await app.register(rateLimit, { node, rule: 'per-user', key })
  app.get('/', (request) => ({ answer: answerOf(request) }))
  const reply = app.inject('/')
  await expect.poll(() => node.waiting).toBe(1)
  node.deliver()
  expect((await reply).json()).toMatchObject({ answer: { allowed: true, owner: 'n2' } })
})

test('a handler can read the answer', async () => {
  const { node } = buildDoors()
  const app = empty()
  await app.register(rateLimit, { node, rule: 'per-user', key })
  app.get('/', (request) => ({ answer: answerOf(request) }))
  expect((await app.inject('/')).json()).toMatchObject({ answer: { remaining: 2 } })
})

describe('an app that answers denials itself', () => {
  test.each([
    ['at once', (text: string) => text],
    ['later', async (text: string) => text],
  ])('%s', async (_when, words) => {
    const { node } = buildDoors()
    const app = empty()
    await app.register(rateLimit, {
      node,
      rule: 'per-user',
      key,
      cost: 2,
      async onDenied(_request, reply, denial) {
        return reply.send({ words: await words('slow down'), code: denial.problem.code })
      },
    })
    app.get('/', hello)
    await app.inject('/')
    const reply = await app.inject('/')
    expect(reply.statusCode).toBe(429)
    expect(reply.headers['retry-after']).toBe('1')
    expect(reply.json()).toEqual({ words: 'slow down', code: 'quota_exceeded' })
  })

  test('may fail, and its error handler hears of it', async () => {
    const { node } = buildDoors()
    const app = empty()
    app.setErrorHandler((error: Error, _request, reply) => reply.code(500).send(error.message))
    await app.register(rateLimit, {
      node,
      rule: 'per-user',
      key: () => undefined,
      onDenied: () => Promise.reject(new Error('no words')),
    })
    app.get('/', hello)
    const reply = await app.inject('/')
    expect([reply.statusCode, reply.body]).toEqual([500, 'no words'])
  })
})
