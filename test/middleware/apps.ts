import type { IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import express from 'express'
import Fastify from 'fastify'
import { rateLimit as limitExpress } from '../../src/middleware/express.ts'
import { rateLimit as limitFastify } from '../../src/middleware/fastify.ts'
import type { LimitOptions } from '../../src/middleware/gatekeeper.ts'
import type { Source } from '../../src/middleware/limiter.ts'

// The same small app on every framework: `GET /` says hello to requests that pass, with the limits of
// `options` one after the other.

export type AppOptions = Source & LimitOptions<{ readonly headers: IncomingMessage['headers'] }>

export interface App {
  readonly url: string
  stop(): Promise<unknown>
}

async function fastifyApp(...options: readonly AppOptions[]): Promise<App> {
  const app = Fastify({ forceCloseConnections: true })
  for (const option of options) await app.register(limitFastify, option)
  app.get('/', () => 'hello')
  return { url: await app.listen({ host: '127.0.0.1', port: 0 }), stop: () => app.close() }
}

function expressApp(create: typeof express) {
  return async (...options: readonly AppOptions[]): Promise<App> => {
    const app = create()
    // Without it, Express prints the errors that it answers with 500.
    app.set('env', 'test')
    for (const option of options) app.use(limitExpress(option))
    app.get('/', (_request, response) => {
      response.send('hello')
    })
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      stop: () => {
        server.closeAllConnections()
        return new Promise((resolve) => server.close(resolve))
      },
    }
  }
}

/** No types of its own: those of the next version fit what is used here. */
const express4 = createRequire(import.meta.url)('express4') as typeof express

export type StartApp = (...options: readonly AppOptions[]) => Promise<App>

export const apps: readonly (readonly [framework: string, start: StartApp])[] = [
  ['Fastify', fastifyApp],
  ['Express 5', expressApp(express)],
  ['Express 4', expressApp(express4)],
]
