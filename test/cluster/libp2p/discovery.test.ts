import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readSeedPlace } from '../../../cluster/libp2p/seed-place.ts'
import type { Libp2pTransport } from '../../../cluster/libp2p/transport.ts'
import { Libp2pTransports, until } from '../../support/libp2p-transports.ts'
import { NameServer } from '../../support/name-server.ts'
import { Recorder } from '../../support/transport-recorder.ts'

const transports = new Libp2pTransports()
let names: NameServer

beforeEach(async () => {
  names = await NameServer.start()
})

afterEach(async () => {
  await transports.stopAll()
  await names.stop()
})

interface Started {
  readonly transport: Libp2pTransport
  readonly heard: Recorder
}

/** A node at this address; names are looked up often, for nobody waits ten seconds for a test. */
async function startAt(listen: string, ...seeds: readonly string[]): Promise<Started> {
  const transport = await transports.start(listen, {
    listen: [listen],
    seeds,
    nameServers: [names.address],
    discoveryPollMs: 100,
  })
  return { transport, heard: new Recorder(transport) }
}

function areLinked(a: Started, b: Started): boolean {
  return a.heard.isLinked(b.transport.self) && b.heard.isLinked(a.transport.self)
}

/** A port that is free at 127.0.0.1 is seldom taken at its neighbours. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

function portOf({ transport }: Started): number {
  return Number(/\/tcp\/(\d+)/.exec(transport.addresses[0] ?? '')?.[1])
}

// Elsewhere 127.0.0.1 is the only address of loopback, and a name with several addresses has one port.
describe.skipIf(process.platform !== 'linux')('a name that stands for many nodes', () => {
  test('is looked up again while somebody of it is linked: who comes later is found', async () => {
    const port = await freePort()
    names.host('weir.test', '127.0.0.1')
    const first = await startAt(`127.0.0.1:${port}`)
    const second = await startAt(`127.0.0.2:${port}`, `weir.test:${port}`)
    await until('the second has found the first', () => areLinked(first, second))

    const third = await startAt(`127.0.0.3:${port}`)
    names.host('weir.test', '127.0.0.1', '127.0.0.2', '127.0.0.3')
    await until('the second has found the third', () => areLinked(second, third))
    const asked = names.asked('A', 'weir.test')
    await until('it looks on', () => names.asked('A', 'weir.test') > asked + 2)
    expect(second.heard.linkEvents).toHaveLength(2)
    expect(areLinked(first, third)).toBe(false)
  })

  test('brings the halves of a cluster together that started apart', async () => {
    const port = await freePort()
    names.host('left.test', '127.0.0.1', '127.0.0.2')
    names.host('right.test', '127.0.0.3', '127.0.0.4')
    const left = [
      await startAt(`127.0.0.1:${port}`, `left.test:${port}`),
      await startAt(`127.0.0.2:${port}`, `left.test:${port}`),
    ] as const
    const right = [
      await startAt(`127.0.0.3:${port}`, `right.test:${port}`),
      await startAt(`127.0.0.4:${port}`, `right.test:${port}`),
    ] as const
    await until('each half is linked', () => areLinked(...left) && areLinked(...right))
    expect(left.some((a) => right.some((b) => areLinked(a, b)))).toBe(false)

    const all = [1, 2, 3, 4].map((last) => `127.0.0.${last}`)
    names.host('left.test', ...all)
    await until('all are linked', () => left.every((a) => right.every((b) => areLinked(a, b))))
  })

  test('is asked for again when it was unknown, and when whoever was found is gone', async () => {
    const port = await freePort()
    const first = await startAt(`127.0.0.1:${port}`, `weir.test:${port}`)
    await until('it was asked for twice', () => names.asked('A', 'weir.test') >= 2)
    expect(transports.faults(`127.0.0.1:${port}`)[0]).toMatchObject({
      type: 'dial-failed',
      address: `/dns/weir.test/tcp/${port}`,
      reason: 'ENOTFOUND',
    })
    names.host('weir.test', '127.0.0.2')
    const second = await startAt(`127.0.0.2:${port}`)
    await until('the second is found', () => areLinked(first, second))
    await transports.stop(`127.0.0.2:${port}`)
    names.host('weir.test', '127.0.0.3')
    const third = await startAt(`127.0.0.3:${port}`)
    await until('the third is found', () => areLinked(first, third))
  })

  test('costs no connection to where somebody who is linked says that it listens', async () => {
    const port = await freePort()
    names.host('weir.test', '127.0.0.3')
    const door = createServer((socket) => socket.destroy()).listen(port, '127.0.0.3')
    await once(door, 'listening')
    let dialled = 0
    door.on('connection', () => dialled++)
    const first = await startAt(`127.0.0.1:${port}`)
    const second = await startAt(`127.0.0.2:${port}`)
    first.transport.know(second.transport.self, second.transport.addresses)
    await until('they are linked', () => areLinked(first, second))
    const { self } = first.transport
    second.transport.know(self, [`/ip4/127.0.0.3/tcp/${port}/p2p/${self}`])
    second.transport.join(`weir.test:${port}`)
    await until('it looks', () => names.asked('A', 'weir.test') >= 3)
    expect(dialled).toBe(0)

    await transports.stop(`127.0.0.1:${port}`)
    await until('nobody is linked any more, and it dials', () => dialled > 0)
    door.close()
  })
})

describe('a service', () => {
  test('stands for the hosts and ports of its SRV records', async () => {
    const [first, second, third] = [
      await startAt('127.0.0.1:0'),
      await transports.start('second').then(listening),
      await transports.start('third').then(listening),
    ]
    names.host('host.test', '127.0.0.1')
    const at = (node: Started) => ({ host: 'host.test', port: portOf(node) })
    names.service('_weir._tcp.weir.test', at(first), at(second))
    const seeker = await transports
      .start('seeker', {
        seeds: ['srv:_weir._tcp.weir.test'],
        nameServers: [names.address],
        discoveryPollMs: 100,
      })
      .then(listening)
    await until('both are found', () => areLinked(seeker, first) && areLinked(seeker, second))
    names.service('_weir._tcp.weir.test', at(second), at(third))
    await until('the third is found', () => areLinked(seeker, third))
    expect(seeker.heard.linkEvents.filter((event) => event.startsWith('unlinked'))).toEqual([])
  })
})

function listening(transport: Libp2pTransport): Started {
  return { transport, heard: new Recorder(transport) }
}

describe('a place that is added while the node runs', () => {
  test('is looked at as if it had been a seed from the start, once', async () => {
    const first = await startAt('127.0.0.1:0')
    const second = listening(await transports.start('second'))
    for (const time of [1, 2]) {
      expect(second.transport.join(first.transport.addresses[0] ?? ''), `${time}`).toBe(true)
    }
    await until('they are linked', () => areLinked(first, second))
    expect(() => second.transport.join('somewhere')).toThrow(/seed "somewhere": it has no port/)
  })

  test('is refused when there are many already', async () => {
    const node = listening(await transports.start('node'))
    const joined = Array.from({ length: 70 }, (_, at) => node.transport.join(`127.0.0.1:${at + 1}`))
    expect(joined.filter((isTaken) => isTaken)).toHaveLength(64)
    expect(node.transport.join('127.0.0.1:1')).toBe(true)
  })

  test('counts at the start, too', async () => {
    const seeds = Array.from({ length: 65 }, (_, at) => `127.0.0.1:${at + 1}`)
    await expect(transports.start('node', { seeds })).rejects.toThrow(/65 seeds: give 64 at most/)
  })
})

/** Whether what this machine sends to a group comes back to it, as peers on it would hear it. */
async function hasMulticast(): Promise<boolean> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  try {
    socket.bind(0)
    await once(socket, 'listening')
    socket.addMembership('224.0.0.251')
    const heard = once(socket, 'message', { signal: AbortSignal.timeout(1_000) })
    socket.send('?', socket.address().port, '224.0.0.251')
    await heard
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}

describe('the local network', () => {
  test('shows nodes of the cluster to each other that ask it, and to nobody else', async (context) => {
    if (!(await hasMulticast())) context.skip('multicast does not work on this machine')
    const first = listening(await transports.start('first', { seeds: ['mdns'] }))
    const stranger = listening(
      await transports.start('stranger', { seeds: ['mdns'], topic: 'weir/other' }),
    )
    const silent = listening(await transports.start('silent'))
    const second = listening(await transports.start('second', { seeds: ['mdns'] }))
    await until('they are linked', () => areLinked(first, second), 25_000)
    expect(stranger.heard.linkEvents).toEqual([])
    expect(silent.heard.linkEvents).toEqual([])
    for (const name of ['first', 'second', 'stranger']) {
      expect(transports.faults(name), name).toEqual([])
    }
  }, 30_000)
})

describe('a seed', () => {
  test.for([
    ['10.0.0.7:4001', 'address'],
    ['weir.example:4001', 'address'],
    ['srv:4001', 'address'],
    ['srv:_weir._tcp.example.com', 'service'],
    ['mdns', 'multicast'],
    ['mdns:4001', 'address'],
  ] as const)('%s is %s', ([text, type]) => {
    expect(readSeedPlace(text).type).toBe(type)
  })

  test.for([
    ['srv:weir.example.com', '"weir.example.com" is no name of a service'],
    ['srv:_weir._tcp', '"_weir._tcp" is no name of a service'],
    ['srv:_weir._tcp.ex ample', '"_weir._tcp.ex ample" is no name of a service'],
    ['srv:_weir._tcp.example.com:4001', 'is no name of a service'],
    ['srv:', '"" is no name of a service'],
    ['weir.example', 'it has no port'],
  ] as const)('%s is none, because %s', ([text, problem]) => {
    expect(() => readSeedPlace(text)).toThrow(problem)
    expect(() => readSeedPlace(text)).toThrow(/or mdns$/)
  })
})
