import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { FaultProxy } from './fault-proxy.ts'
import { freePorts } from './free-ports.ts'
import { groundMissing } from './ground.ts'

const why = groundMissing('proxied')
const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end()
})

/** Two nodes, `a` that dials from this process, and `b` that says again whatever it hears. */
async function world() {
  const [front, behind, far, beyond] = (await freePorts(4)) as [number, number, number, number]
  const echo: Server = createServer((socket) => socket.pipe(socket).on('error', () => undefined))
  await new Promise<void>((resolve) => echo.listen(behind, '127.0.0.1', resolve))
  ends.push(() => echo.close())
  const places = new Map([
    ['a', { front: far, behind: beyond }],
    ['b', { front, behind }],
  ])
  const proxy = new FaultProxy(places, (name) => (name === 'a' ? process.pid : undefined))
  await proxy.open('b')
  ends.push(() => proxy.end())
  const dial = () => {
    const socket = connect(front, '127.0.0.1')
    ends.push(() => socket.destroy())
    return socket.on('error', () => undefined)
  }
  return { proxy, dial, front }
}

async function said(socket: Socket, word: string): Promise<string> {
  const answer = once(socket, 'data').then(([data]) => String(data))
  socket.write(word)
  return answer
}

async function silent(socket: Socket, forMs: number): Promise<boolean> {
  const word = once(socket, 'data').then(() => false)
  return Promise.race([
    word,
    new Promise<boolean>((resolve) => setTimeout(() => resolve(true), forMs)),
  ])
}

describe.skipIf(why !== undefined)('a proxy between two nodes', () => {
  test('passes bytes and ends on', async () => {
    const { dial } = await world()
    const socket = dial()
    expect(await said(socket, 'one')).toBe('one')
    socket.end()
    await once(socket, 'close')
  })

  test.each([
    ['a', 'b'],
    ['b', 'a'],
  ])('holds what goes from %s to %s, and passes it on when mended', async (from, to) => {
    const { proxy, dial } = await world()
    const socket = dial()
    expect(await said(socket, 'one')).toBe('one')
    proxy.cut(from, to)
    socket.write('two')
    expect(await silent(socket, 150)).toBe(true)
    const late = once(socket, 'data')
    proxy.mend()
    expect(String((await late)[0])).toBe('two')
  })

  test('does not let the other end hear of connections that begin in a cut', async () => {
    const { proxy, dial } = await world()
    proxy.cut('b', 'a')
    const socket = dial()
    socket.write('hello')
    expect(await silent(socket, 150)).toBe(true)
    const late = once(socket, 'data')
    proxy.mend()
    expect(String((await late)[0])).toBe('hello')
  })

  test('delays what passes', async () => {
    const { proxy, dial } = await world()
    const socket = dial()
    await said(socket, 'one')
    proxy.slow('a', 'b', 60)
    proxy.slow('b', 'a', 60)
    const fromMs = performance.now()
    expect(await said(socket, 'two')).toBe('two')
    expect(performance.now() - fromMs).toBeGreaterThanOrEqual(119)
  })

  test('turns away whoever is no node', async () => {
    const { front } = await world()
    const script = `require('net').connect(${front}, '127.0.0.1').on('close', () => process.exit(7))`
    const stranger = spawn(process.execPath, ['-e', script])
    ends.push(() => stranger.kill('SIGKILL'))
    expect((await once(stranger, 'exit'))[0]).toBe(7)
  })

  test('refuses connections for a node that is gone', async () => {
    const { proxy, dial } = await world()
    proxy.close('b')
    const socket = dial()
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
  })
})
