import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { createLibp2pTransport } from '../../../cluster/libp2p/transport.ts'
import { Libp2pTransports, until } from '../../support/libp2p-transports.ts'
import { Recorder } from '../../support/transport-recorder.ts'

const transports = new Libp2pTransports()

afterEach(() => transports.stopAll())

/** What keeps the process alive, by kind. Timers that do not are not listed. */
function handles(): string {
  const kinds = ['TCPSocketWrap', 'TCPServerWrap', 'TCPWRAP', 'Timeout', 'Immediate']
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kinds.includes(kind))
    .sort()
    .join()
}

describe('many nodes behind one IP address', () => {
  test('are all let in, and hear and are heard', { timeout: 20_000 }, async () => {
    // Scoring, were it on, would mute a peer that has 14 others beside it on its address.
    const names = Array.from({ length: 16 }, (_, number) => `leaf-${number}`)
    const hub = await transports.start('hub')
    const heard = new Recorder(hub)
    const leaves: Recorder[] = []
    for (const name of names) {
      const leaf = await transports.start(name, { seeds: hub.addresses })
      leaves.push(new Recorder(leaf))
      await until(`${name} is linked`, () => heard.isLinked(leaf.self))
    }
    expect(names.flatMap((name) => transports.faults(name))).toEqual([])
    let turns = 0
    await until(
      'the hub has heard all, and all have heard the hub',
      () => {
        turns += 1
        // Not much faster than nodes gossip, or the load is all that is measured.
        if (turns % 40 === 1) {
          for (const { guarded } of [heard, ...leaves]) guarded.broadcast(Uint8Array.of(turns))
        }
        return heard.authors.size === 16 && leaves.every(({ authors }) => authors.has(hub.self))
      },
      15_000,
    )
  })
})

describe('stopping', () => {
  test('takes at most a second with live peers, and leaves nothing behind', async () => {
    await until('what earlier tests have left is gone', () => handles() === '')
    // So seldom that a timer left behind would be seen.
    const gossipIntervalMs = 60_000
    const a = await transports.start('a', { gossipIntervalMs })
    const heard = new Recorder(a)
    const seeds = [...a.addresses, '127.0.0.1:1']
    const b = await transports.start('b', { gossipIntervalMs, seeds })
    new Recorder(b)
    await until('they are linked', () => heard.isLinked(b.self))
    const startedMs = performance.now()
    await transports.stop('b')
    expect(performance.now() - startedMs).toBeLessThan(1_000)
    await until('a has noticed', () => !heard.isLinked(b.self))
    await transports.stop('a')
    await until('the event loop is empty', () => handles() === '', 1_500)
  })

  test('writes what is queued first', async () => {
    const a = await transports.start('a')
    const heard = new Recorder(a)
    const b = await transports.start('b', { seeds: a.addresses })
    const heardByB = new Recorder(b)
    await until('they are linked', () => heard.isLinked(b.self) && heardByB.isLinked(a.self))
    for (let number = 0; number < 20; number++) b.send(a.self, new Uint8Array(10_000).fill(number))
    await transports.stop('b')
    await until('a has noticed', () => !heard.isLinked(b.self))
    expect(heard.from(b.self)).toHaveLength(20)
  })

  test('ends all events, sends nothing more, and may be asked for twice', async () => {
    const a = await transports.start('a')
    const heard = new Recorder(a)
    const b = await transports.start('b', { seeds: a.addresses })
    const heardByB = new Recorder(b)
    await until('they are linked', () => heard.isLinked(b.self) && heardByB.isLinked(a.self))
    await Promise.all([b.stop(), b.stop()])
    b.know(a.self, a.addresses)
    b.broadcast(Uint8Array.of(1))
    expect(b.send(a.self, Uint8Array.of(1))).toBe(false)
    await until('a has noticed', () => !heard.isLinked(b.self))
    await sleep(100)
    expect(heardByB.linkEvents).toEqual([`linked ${a.self}`])
  })
})

describe('starting', () => {
  test('without a pre-shared key is possible on loopback only', async () => {
    await expect(
      createLibp2pTransport({
        listen: ['/ip4/0.0.0.0/tcp/0'],
        topic: 'weir/test',
        fanout: 3,
        gossipIntervalMs: 500,
        seeds: [],
      }),
    ).rejects.toThrow('/ip4/0.0.0.0/tcp/0 without a pre-shared key would let anybody join')
  })

  test('on a port in use is an error', async () => {
    const a = await transports.start('a')
    const listen = a.addresses.map((address) => address.split('/p2p/')[0] ?? '')
    await expect(transports.start('b', { listen })).rejects.toThrow(
      /^peers cannot be listened for at \/ip4\/127\.0\.0\.1\/tcp\/\d+: listen EADDRINUSE: [^\n]+: choose another address$/,
    )
  })

  test('tells the real port, or what is to be announced instead', async () => {
    const a = await transports.start('a')
    expect(a.addresses).toHaveLength(1)
    expect(a.addresses[0]).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*\/p2p\/12D3KooW\w+$/)
    const b = await transports.start('b', { announce: ['weir-2.example:4001'] })
    expect(b.addresses).toEqual([`/dns/weir-2.example/tcp/4001/p2p/${b.self}`])
  })

  test('peers that link before a listener is attached are told of afterwards', async () => {
    const a = await transports.start('a')
    const b = await transports.start('b', { seeds: a.addresses })
    const heardByB = new Recorder(b)
    await sleep(100)
    expect(heardByB.linkEvents.length).toBeLessThanOrEqual(1)
    const heard = new Recorder(a)
    await until('they are linked', () => heard.isLinked(b.self) && heardByB.isLinked(a.self))
  })
})

describe('what peers say of peers', () => {
  test('is no error: addresses that make no sense are left out and counted', async () => {
    const a = await transports.start('a')
    const heard = new Recorder(a)
    const b = await transports.start('b')
    const heardByB = new Recorder(b)
    heard.guarded.know(b.self, ['nonsense', `${a.addresses[0]}`, ...b.addresses])
    await until('they are linked', () => heardByB.isLinked(a.self))
    expect(transports.faults('a').map(({ type }) => type)).toEqual(['bad-address', 'bad-address'])
  })

  test('proves no death unless every address refuses', async () => {
    const a = await transports.start('a')
    const heard = new Recorder(a)
    const b = await transports.start('b')
    await transports.stop('b')
    heard.guarded.know(b.self, [...b.addresses, 'no-such-host.invalid:4001'])
    await until('both have failed twice', () => transports.faults('a').length >= 4)
    expect(heard.linkEvents).toEqual([])
  })
})
