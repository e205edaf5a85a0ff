import { once } from 'node:events'
import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { close } from '../../src/http/draining.ts'
import { listen, parseListenAddress } from '../../src/http/listen.ts'
import { buildDoors } from '../support/doors.ts'

describe('a listen address', () => {
  test.each([
    ['127.0.0.1:8080', { type: 'tcp', host: '127.0.0.1', port: 8080 }],
    ['localhost:0', { type: 'tcp', host: '127.0.0.1', port: 0 }],
    ['[::1]:65535', { type: 'tcp', host: '::1', port: 65_535 }],
    [':8080', { type: 'tcp', host: '::', port: 8080 }],
    ['node-1.example:9090', { type: 'tcp', host: 'node-1.example', port: 9090 }],
    ['unix:/run/weir.sock', { type: 'unix', path: '/run/weir.sock' }],
  ])('%s is read', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address)
  })

  test.each([
    '',
    '8080',
    'a:b',
    'host:',
    'host:65536',
    '::1:80',
    'unix:',
    'unix:weir.sock',
    'a:1:2',
  ])('"%s" is an error that shows how to write one', (text) => {
    expect(() => parseListenAddress(text)).toThrow(/127\.0\.0\.1:8080|\/run\/weir\.sock/)
  })
})

test('a door on port 0 returns the port it got', async () => {
  const { data } = buildDoors()
  const url = await listen(data, '127.0.0.1:0')
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  await close(data)
})

describe('a door on a Unix socket', () => {
  let folder: string
  let path: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-listen-'))
    path = join(folder, 'weir.sock')
  })
  afterEach(() => rm(folder, { recursive: true }))

  test('answers there, lets owner and group in, and removes it when it closes', async () => {
    const { data } = buildDoors()
    expect(await listen(data, `unix:${path}`)).toBe(`unix:${path}`)
    expect((await stat(path)).mode & 0o777).toBe(0o660)
    expect(await statusOver(path, '/v1/gate?rule=per-user&key=a')).toBe(204)
    await close(data)
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  test('takes the place of a socket that nobody listens on any more', async () => {
    await leaveStaleSocket(path)
    const { data } = buildDoors()
    await listen(data, `unix:${path}`)
    expect(await statusOver(path, '/livez')).toBe(200)
    await close(data)
  })

  test('does not push out a door that listens', async () => {
    const first = buildDoors().data
    await listen(first, `unix:${path}`)
    const second = buildDoors().data
    await expect(listen(second, `unix:${path}`)).rejects.toThrow('another process listens there')
    expect(await statusOver(path, '/livez')).toBe(200)
    await close(second)
    await close(first)
  })

  test('does not remove a file that is not a socket', async () => {
    await writeFile(path, 'precious')
    const { data } = buildDoors()
    await expect(listen(data, `unix:${path}`)).rejects.toThrow('not a socket')
    expect((await stat(path)).size).toBe(8)
    await close(data)
  })
})

function statusOver(socketPath: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path }, (reply: IncomingMessage) => {
      reply.resume().on('end', () => resolve(reply.statusCode))
    }).on('error', reject)
  })
}

/** A socket file without a listener: closing removes the name it was opened by, not the one it has now. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server: Server = createServer().listen(`${path}.old`)
  await once(server, 'listening')
  await rename(`${path}.old`, path)
  server.close()
  await once(server, 'close')
}
