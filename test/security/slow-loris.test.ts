import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { close } from '../../src/http/draining.ts'
import { HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS, TIMEOUT_CHECK_MS } from '../../src/http/limits.ts'
import { listen } from '../../src/http/listen.ts'
import { buildDoors } from '../support/doors.ts'
import { within } from '../support/real-node.ts'

// Who opens many connections and says little on them does not keep others out.

/** For the machine to be slow in. */
const SLACK_MS = 4_000

const sockets = new Set<Socket>()
const opened: ReturnType<typeof buildDoors>['data'][] = []
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await Promise.all(opened.splice(0).map((door) => close(door)))
})

async function openDoor(connectionsMax?: number) {
  const { data, metrics } = buildDoors()
  if (connectionsMax !== undefined) data.server.maxConnections = connectionsMax
  const url = await listen(data, '127.0.0.1:0')
  opened.push(data)
  return { url, data, metrics }
}

/** A connection that begins like this, and how long it lasted. */
function slow(url: string, beginning: string): { socket: Socket; lastedMs: Promise<number> } {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).resume()
  const startMs = performance.now()
  sockets.add(socket)
  socket.on('error', () => undefined)
  if (beginning !== '') socket.write(beginning)
  const lastedMs = once(socket, 'close').then(() => performance.now() - startMs)
  return { socket, lastedMs }
}

const HEAD = 'POST /v1/check HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'

/** Says a byte now and then, as long as the connection is open. */
function drip({ socket }: { readonly socket: Socket }): void {
  const timer = setInterval(() => socket.write('a'), 500)
  socket.once('close', () => clearInterval(timer))
}

async function statusOf(url: string): Promise<number> {
  const reply = await fetch(`${url}/v1/gate?rule=per-user&key=${Math.random()}`, {
    headers: { connection: 'close' },
  })
  await reply.arrayBuffer()
  return reply.status
}

describe('a thousand slow connections', () => {
  test.each([
    ['say nothing', '', HEADERS_TIMEOUT_MS],
    ['begin a head', 'GET /livez HTTP/1.1\r\nX-A: ', HEADERS_TIMEOUT_MS],
    ['begin a body', `${HEAD}Content-Length: 100\r\n\r\n{`, REQUEST_TIMEOUT_MS],
    ['begin a chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{`, REQUEST_TIMEOUT_MS],
  ])('that %s let others be served, and are closed in time', async (_, beginning, timeoutMs) => {
    const { url } = await openDoor()
    const all = Array.from({ length: 1_000 }, () => slow(url, beginning))
    if (beginning !== '') for (const one of all) drip(one)
    for (let asked = 0; asked < 50; asked++) expect(await statusOf(url)).toBe(204)
    const lasted = await Promise.all(all.map(({ lastedMs }) => lastedMs))
    expect(Math.max(...lasted)).toBeLessThan(timeoutMs + TIMEOUT_CHECK_MS + SLACK_MS)
    expect(await statusOf(url)).toBe(204)
  })
})

describe('a door that is full', () => {
  test('of slow connections lets others in when their time is over', async () => {
    const { url, metrics } = await openDoor(20)
    const all = Array.from({ length: 20 }, () => slow(url, 'GET / HTTP/1.1\r\n'))
    await Promise.all(all.map(({ socket }) => once(socket, 'connect')))
    await expect(statusOf(url)).rejects.toThrow('fetch failed')
    expect(await metrics.exposition()).toMatch(/shed_total\{reason="connections"\} [1-9]/)
    await within(HEADERS_TIMEOUT_MS + TIMEOUT_CHECK_MS + SLACK_MS, () => serves(url))
  })

  test('of idle connections makes room at once', async () => {
    const { url } = await openDoor(20)
    const idle = Array.from({ length: 20 }, () =>
      slow(url, 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'),
    )
    await Promise.all(idle.map(({ socket }) => once(socket, 'data')))
    await within(SLACK_MS, () => serves(url))
  })
})

function serves(url: string): Promise<boolean> {
  return statusOf(url).then(
    (status) => status === 204,
    () => false,
  )
}
