import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import { RPC } from '@chainsafe/libp2p-gossipsub/message'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, test } from 'vitest'
import { nodeIdOf } from '../../../cluster/libp2p/identity.ts'
import { FRAME_BYTES_MAX } from '../../../cluster/limits.ts'
import {
  FRAMES,
  HostilePeers,
  orderedIdentities,
  TOPIC,
  writeTo,
} from '../../support/hostile-peer.ts'
import { Libp2pTransports, until } from '../../support/libp2p-transports.ts'
import { Recorder } from '../../support/transport-recorder.ts'

const transports = new Libp2pTransports()
const hostiles = new HostilePeers()

afterEach(async () => {
  await hostiles.stopAll()
  await transports.stopAll()
})

describe('a peer that breaks the rules of the frame stream', () => {
  test('is dropped for a length above the limit, before its frame is read', async () => {
    const [low, high] = await orderedIdentities()
    const victim = await transports.start('victim', { privateKey: high })
    const heard = new Recorder(victim)
    const hostile = await hostiles.start(low)
    const connection = await hostile.dial(multiaddr(victim.addresses[0]))
    const stream = await connection.newStream(FRAMES)
    await until('it is linked', () => heard.isLinked(nodeIdOf(low)))
    function* oversize() {
      yield Uint8Array.of(0, 0, 0, 1, 42)
      yield Uint8Array.of(0xff, 0xff, 0xff, 0xff)
      for (let i = 0; i < 1_000; i++) yield new Uint8Array(FRAME_BYTES_MAX)
    }
    const written = writeTo(stream, oversize())
    await until('it is dropped', () => !heard.isLinked(nodeIdOf(low)))
    await until('its connections are closed', () => hostile.getConnections().length === 0)
    expect(heard.from(nodeIdOf(low))).toEqual([Uint8Array.of(42)])
    expect(transports.faults('victim')).toContainEqual({
      type: 'oversize-frame',
      peer: nodeIdOf(low),
      bytes: 0xffff_ffff,
    })
    // What the muxer's window admits, not the 64 MB on offer.
    expect(written.taken()).toBeLessThan(2 * 1024 * 1024)
  })

  test('is dropped for opening a stream that was not its to open', async () => {
    const [low, high] = await orderedIdentities()
    const victim = await transports.start('victim', { privateKey: low })
    const heard = new Recorder(victim)
    const hostile = await hostiles.start(high)
    const connection = await hostile.dial(multiaddr(victim.addresses[0]))
    const stream = await connection.newStream(FRAMES)
    writeTo(stream, [Uint8Array.of(0, 0, 0, 1, 42)])
    await until('it is dropped', () => hostile.getConnections().length === 0)
    expect(heard.frames).toEqual([])
    expect(transports.faults('victim')).toContainEqual({
      type: 'unexpected-stream',
      peer: nodeIdOf(high),
    })
  })

  test('is dropped for a second stream beside the first', async () => {
    const [low, high] = await orderedIdentities()
    const victim = await transports.start('victim', { privateKey: high })
    const heard = new Recorder(victim)
    const hostile = await hostiles.start(low)
    const connection = await hostile.dial(multiaddr(victim.addresses[0]))
    await connection.newStream(FRAMES)
    await until('it is linked', () => heard.isLinked(nodeIdOf(low)))
    const second = await connection.newStream(FRAMES)
    writeTo(second, [Uint8Array.of(0, 0, 0, 1, 42)])
    await until('it is dropped', () => !heard.isLinked(nodeIdOf(low)))
    expect(heard.frames).toEqual([])
    expect(heard.linkEvents).toEqual([`linked ${nodeIdOf(low)}`, `unlinked ${nodeIdOf(low)}`])
  })

  test('is dropped for not reading, once its backlog is at the limit', async () => {
    const [low, high] = await orderedIdentities()
    const victim = await transports.start('victim', { privateKey: high })
    const heard = new Recorder(victim)
    const hostile = await hostiles.start(low)
    const connection = await hostile.dial(multiaddr(victim.addresses[0]))
    // Its source is never read.
    await connection.newStream(FRAMES)
    await until('it is linked', () => heard.isLinked(nodeIdOf(low)))
    const frame = new Uint8Array(FRAME_BYTES_MAX)
    let sent = 0
    while (heard.guarded.send(nodeIdOf(low), frame)) sent += 1
    expect(sent).toBe(63)
    await until('it is dropped', () => !heard.isLinked(nodeIdOf(low)))
    expect(transports.faults('victim').map(({ type }) => type)).toContain('backlog-exceeded')
  })
})

describe('a peer with two connections', () => {
  test('that loses one loses both, or its gossip would go into the void', async () => {
    const [low, high] = await orderedIdentities()
    const victim = await transports.start('victim', { privateKey: low })
    const heard = new Recorder(victim)
    const peer = await hostiles.start(high)
    const address = multiaddr(victim.addresses[0])
    await peer.dial(address)
    await until('it is linked', () => heard.isLinked(nodeIdOf(high)))
    // Under another name of the host, lest libp2p takes them for the same.
    const second = await peer.dial(
      multiaddr(victim.addresses[0]?.replace('/ip4/127.0.0.1', '/dns4/localhost')),
      { force: true },
    )
    expect(peer.getConnections()).toHaveLength(2)
    await second.close()
    await until('both are closed', () => peer.getConnections().length === 0)
    expect(heard.isLinked(nodeIdOf(high))).toBe(false)
  })
})

describe('a stranger', () => {
  test('of another cluster, by topic, never links', async () => {
    const a = await transports.start('a')
    const heardByA = new Recorder(a)
    const b = await transports.start('b', { topic: 'weir/other', seeds: a.addresses })
    const heardByB = new Recorder(b)
    const faults = () => [...transports.faults('a'), ...transports.faults('b')]
    await until('somebody has noticed', () => faults().some(({ type }) => type === 'link-failed'))
    expect([...heardByA.linkEvents, ...heardByB.linkEvents]).toEqual([])
  })
})

describe('a peer that invents topics', () => {
  test('leaves no trace: 20,000 subscriptions, in one message and in many', async () => {
    const [low, high] = await orderedIdentities()
    const victim = await hostiles.start(high)
    victim.services.pubsub.subscribe(TOPIC)
    const hostile = await hostiles.start(low)
    const [address] = victim.services.listening.addresses()
    await hostile.dial(multiaddr(address))
    const { streamsOutbound } = hostile.services.pubsub as unknown as GossipSub
    await until('their gossipsubs have met', () => streamsOutbound.has(nodeIdOf(high)))
    const bogus = (from: number, count: number) => {
      const topics = Array.from({ length: count }, (_, i) => `bogus-${from + i}`)
      const subscriptions = topics.map((topic) => ({ subscribe: true, topic }))
      streamsOutbound.get(nodeIdOf(high))?.push(RPC.encode({ subscriptions, messages: [] }))
    }
    bogus(0, 20_000)
    for (let from = 0; from < 20_000; from += 100) bogus(from, 100)
    hostile.services.pubsub.subscribe(TOPIC)
    const { pubsub } = victim.services
    await until('the last message is processed', () => pubsub.getSubscribers(TOPIC).length === 1)
    const { topics } = pubsub as unknown as { readonly topics: ReadonlyMap<string, unknown> }
    expect([...topics.keys()]).toEqual([TOPIC])
  })
})
