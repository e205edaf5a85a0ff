import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterEach, expect, test } from 'vitest'
import { type Denial, rateLimit } from '../../src/middleware/express.ts'
import { buildDoors } from '../support/doors.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

async function served(app: express.Express): Promise<string> {
  const server = app.listen(0, '127.0.0.1')
  cleanups.push(() => server.close().closeAllConnections())
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('an app answers denials itself', async () => {
  const { node } = buildDoors()
  const denials: Denial[] = []
  const app = express()
  app.use(
    rateLimit<express.Request, express.Response>({
      node,
      rule: 'per-user',
      key: (request) => request.get('x-user'),
      cost: 2,
      onDenied(_request, response, denial) {
        denials.push(denial)
        response.send('slow down')
      },
    }),
  )
  app.get('/', (_request, response) => {
    response.send('hello')
  })
  const url = await served(app)
  await fetch(url, { headers: { 'x-user': 'a' } })
  const reply = await fetch(url, { headers: { 'x-user': 'a' } })
  expect(reply.status).toBe(429)
  expect(reply.headers.get('retry-after')).toBe('1')
  expect(await reply.text()).toBe('slow down')
  expect(denials).toMatchObject([
    { status: 429, answer: { reason: 'over_limit' }, problem: { code: 'quota_exceeded' } },
  ])
})

test.each([
  ['at once', () => Promise.reject(new Error('no words'))],
  [
    'later',
    () => {
      throw new Error('no words')
    },
  ],
])('what goes wrong in its answer, %s, goes to its error handler', async (_when, onDenied) => {
  const { node } = buildDoors()
  const app = express()
  app.use(rateLimit({ node, rule: 'per-user', key: () => undefined, onDenied }))
  const handler: express.ErrorRequestHandler = (error: Error, _request, response, _next) => {
    response.status(500).send(error.message)
  }
  app.use(handler)
  const reply = await fetch(await served(app))
  expect([reply.status, await reply.text()]).toEqual([500, 'no words'])
})

test('a route may have a limit of its own', async () => {
  const { node } = buildDoors()
  const app = express()
  const limit = rateLimit({ node, rule: 'per-user', key: () => 'a', cost: 3 })
  app.get('/limited', limit, (_request, response) => {
    response.send('hello')
  })
  app.get('/free', (_request, response) => {
    response.send('hello')
  })
  const url = await served(app)
  const statuses: number[] = []
  for (const path of ['/limited', '/limited', '/free']) {
    statuses.push((await fetch(url + path)).status)
  }
  expect(statuses).toEqual([200, 429, 200])
})
