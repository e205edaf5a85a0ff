import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Libp2pTransports, until } from '../../support/libp2p-transports.ts'
import { Recorder } from '../../support/transport-recorder.ts'

const transports = new Libp2pTransports()

afterEach(() => transports.stopAll())

function withoutPeer(address: string | undefined): string {
  return address?.split('/p2p/')[0] ?? ''
}

function portOf(address: string | undefined): string {
  return withoutPeer(address).split('/tcp/')[1] ?? ''
}

describe('seeds', () => {
  test.for([
    ['with its peer id', (address: string) => address],
    ['without a peer id', (address: string) => withoutPeer(address)],
    ['as host and port', (address: string) => `127.0.0.1:${portOf(address)}`],
    ['as a host name', (address: string) => `localhost:${portOf(address)}`],
  ] as const)('link to who is found there, given %s', async ([, spell]) => {
    const a = await transports.start('a')
    const heard = new Recorder(a)
    const b = await transports.start('b', { seeds: a.addresses.map(spell) })
    new Recorder(b)
    await until('they are linked', () => heard.isLinked(b.self))
  })

  test('are dialled until somebody is there, and again after a loss, whoever it is', async () => {
    const first = await transports.start('first')
    const listen = [withoutPeer(first.addresses[0])]
    await transports.stop('first')
    const b = await transports.start('b', { seeds: listen })
    const heard = new Recorder(b)
    await until('b was refused twice', () => transports.faults('b').length >= 2)
    new Recorder(await transports.start('first', { listen }))
    await until('b is linked', () => heard.isLinked(first.self))
    await transports.stop('first')
    await until('b has noticed', () => !heard.isLinked(first.self))
    const second = await transports.start('second', { listen })
    new Recorder(second)
    await until('b is linked to the other', () => heard.isLinked(second.self))
    expect(heard.linkEvents).toEqual([
      `linked ${first.self}`,
      `unlinked ${first.self}`,
      `linked ${second.self}`,
    ])
  })

  test('that are the node itself are dropped', async () => {
    const a = await transports.start('a')
    const listen = [withoutPeer(a.addresses[0])]
    await transports.stop('a')
    const again = await transports.start('a', { listen, seeds: listen })
    const heard = new Recorder(again)
    await until('it has found itself', () => transports.faults('a').length > 0)
    expect(transports.faults('a')).toEqual([{ type: 'self-dialled', address: listen[0] }])
    expect(heard.linkEvents).toEqual([])
  })

  test('that make no sense are an error at the start', async () => {
    await expect(transports.start('a', { seeds: ['somewhere'] })).rejects.toThrow(
      /seed "somewhere": it has no port/,
    )
  })

  test('that accept and then say nothing are given up within the dial timeout', async () => {
    const silent = await listenSilently()
    const { port } = silent.address() as { port: number }
    const a = await transports.start('a', { seeds: [`127.0.0.1:${port}`] })
    new Recorder(a)
    await until('it has failed', () => transports.faults('a').length > 0, 2_500)
    expect(transports.faults('a')[0]).toMatchObject({ type: 'dial-failed' })
    silent.close()
  })
})

function listenSilently(): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).resume())
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
