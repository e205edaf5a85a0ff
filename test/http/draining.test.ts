import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { close } from '../../src/http/draining.ts'
import { listen } from '../../src/http/listen.ts'
import { buildDoors } from '../support/doors.ts'

/** Far above what closing takes when nothing is in flight, far below what a hanging close would take. */
const DEADLINE_MS = 2_000

const agent = new Agent({ keepAlive: true })
afterEach(() => agent.destroy())

async function openDoor() {
  const doors = buildDoors()
  const url = await listen(doors.data, '127.0.0.1:0')
  return { ...doors, url, gate: (key: string) => `${url}/v1/gate?rule=per-user&key=${key}` }
}

/** One request on a kept-alive connection, its body read to the end. */
async function fetchKept(url: string): Promise<IncomingMessage & { body: string }> {
  const request = get(url, { agent })
  const [reply] = (await once(request, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of reply.setEncoding('utf8')) body += chunk
  return Object.assign(reply, { body })
}

async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

describe('a door in service', () => {
  test('keeps connections, and has no listener on requests but its router', async () => {
    const { data, gate } = await openDoor()
    expect((await fetchKept(gate('a'))).headers.connection).toBe('keep-alive')
    expect(data.server.listenerCount('request')).toBe(1)
    await close(data)
  })
})

describe('a door that drains', () => {
  test('is not ready, still answers checks, and asks clients to leave', async () => {
    const { data, draining, gate, url } = await openDoor()
    await fetchKept(gate('a'))
    draining.begin()
    draining.begin()
    const check = await fetchKept(gate('a'))
    expect([check.statusCode, check.headers.connection]).toEqual([204, 'close'])
    const ready = await fetchKept(`${url}/readyz`)
    expect([ready.statusCode, ready.headers.connection]).toEqual([503, 'close'])
    await close(data)
  })
})

describe('a door that closes', () => {
  test('does not wait for idle connections that are kept alive', async () => {
    const { data, gate } = await openDoor()
    await Promise.all(['a', 'b', 'c'].map((key) => fetchKept(gate(key))))
    expect(await elapsedMs(() => close(data, 10 * DEADLINE_MS))).toBeLessThan(DEADLINE_MS)
  })

  test('answers what is in flight, and then does not wait for its connection', async () => {
    const { data, node, gate } = await openDoor()
    node.remote.add('far')
    const inFlight = fetchKept(gate('far'))
    await expect.poll(() => node.waiting).toBe(1)
    const took = elapsedMs(() => close(data, 10 * DEADLINE_MS))
    await turn()
    node.deliver()
    expect((await inFlight).statusCode).toBe(204)
    expect(await took).toBeLessThan(DEADLINE_MS)
  })

  test('accepts no new connection', async () => {
    const { data, node, gate } = await openDoor()
    node.remote.add('far')
    const inFlight = fetchKept(gate('far'))
    await expect.poll(() => node.waiting).toBe(1)
    const closed = close(data)
    await expect.poll(() => data.server.listening).toBe(false)
    await expect(fetchKept(gate('late'))).rejects.toThrow('ECONNREFUSED')
    node.deliver()
    await inFlight
    await closed
  })

  test('turns away a new request on an old connection, and says to ask another node', async () => {
    const { data, node, url } = await openDoor()
    node.remote.add('far')
    const { hostname, port } = new URL(url)
    const keeper = fetchKept(`${url}/v1/gate?rule=per-user&key=far`)
    // A connection whose request has begun but is not complete is not idle, and stays.
    const socket = connect(Number(port), hostname).setEncoding('utf8')
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.write('GET /v1/gate?rule=per-user&key=a HTTP/1.1\r\n')
    await expect.poll(() => node.waiting).toBe(1)
    await expect.poll(() => connections(data.server)).toBe(2)
    const closed = close(data)
    await expect.poll(() => data.server.listening).toBe(false)
    socket.write('Host: weir\r\n\r\n')
    await once(socket, 'close')
    expect(received).toMatch(/^HTTP\/1\.1 503 /)
    expect(received).toMatch(/^Retry-After: 1\r$/m)
    expect(received).toMatch(/^Connection: close\r$/m)
    expect(received).toContain('"code":"draining"')
    node.deliver()
    await keeper
    await closed
  })

  test('cuts what is still in flight at the deadline', async () => {
    const { data, node, gate } = await openDoor()
    node.remote.add('far')
    const lost = expect(fetchKept(gate('far'))).rejects.toThrow('socket hang up')
    await expect.poll(() => node.waiting).toBe(1)
    expect(await elapsedMs(() => close(data, 50))).toBeLessThan(DEADLINE_MS)
    await lost
    node.deliver()
  })
})

function connections(server: { getConnections(done: (e: unknown, n: number) => void): unknown }) {
  return new Promise((resolve) => {
    server.getConnections((_error, count) => resolve(count))
  })
}
