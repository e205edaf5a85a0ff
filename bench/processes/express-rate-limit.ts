import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import type { AppJob } from '../peers/node-app.ts'
import { work } from '../worker.ts'

// An Express route behind express-rate-limit with the store that it has by itself, the memory of its process.

const WINDOW_MS = 1_000

work(async ({ limit: { burst } }: AppJob): Promise<string> => {
  // Express is slower otherwise.
  process.env.NODE_ENV = 'production'
  const app = express()
  app.disable('x-powered-by')
  app.use(
    rateLimit({
      windowMs: WINDOW_MS,
      limit: burst,
      // Draft 8 hashes the key for each answer, which costs a third of the speed.
      standardHeaders: 'draft-7',
      legacyHeaders: false,
      keyGenerator: ({ query }) => String(query.key),
    }),
  )
  app.get('/v1/gate', (_, response) => {
    response.status(204).end()
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
