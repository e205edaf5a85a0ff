import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { work } from '../worker.ts'

// What HTTP costs by itself: `node:http` that says the same bytes to everybody.

export interface CannedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** As in the servers it is compared with, because it is a header, too. */
  readonly keepAliveMs: number
}

work(async (answer: CannedAnswer): Promise<AddressInfo> => {
  const server = createServer({ keepAliveTimeout: answer.keepAliveMs }, listener(answer))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address() as AddressInfo
})

/** A body that comes is parsed as JSON, as the least that a server has to do with it. */
function listener({ status, headers, body }: CannedAnswer): RequestListener {
  const answer: RequestListener = (_, response) => {
    response.writeHead(status, headers)
    if (body === '') response.end()
    else response.end(body)
  }
  return (request, response) => {
    if (request.method !== 'POST') {
      answer(request, response)
      return
    }
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      JSON.parse(text)
      answer(request, response)
    })
  }
}
