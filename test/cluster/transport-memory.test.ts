import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../cluster/random.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { memoryAddress, Network, type NetworkOptions } from '../../sim/network.ts'
import { type TransportHarness, transportContract } from '../support/transport-contract.ts'
import { Recorder } from '../support/transport-recorder.ts'

const PATIENCE_MS = 10_000
const SETTLE_MS = 2_000
const DELAY = { minMs: 0.2, maxMs: 5 }

function memoryHarness(): Promise<TransportHarness> {
  const network = new Network({ random: seededRandom(1), delay: DELAY })
  let nowMs = 0
  const harness: TransportHarness = {
    async start(name) {
      const id = name as NodeId
      return { transport: network.transport(id), addresses: [memoryAddress(id)] }
    },
    async kill(name) {
      network.kill(name as NodeId)
    },
    async until(what, condition) {
      const deadlineMs = nowMs + PATIENCE_MS
      do {
        network.deliver(++nowMs)
        if (nowMs > deadlineMs) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`)
      } while (!condition())
    },
    async settle() {
      nowMs += SETTLE_MS
      network.deliver(nowMs)
    },
    stop: () => Promise.resolve(),
  }
  return Promise.resolve(harness)
}

transportContract('the simulated network', memoryHarness)

/** Nodes that all know each other, after they have linked. */
function cluster(names: readonly string[], options: Partial<NetworkOptions> = {}) {
  const network = new Network({ random: seededRandom(7), delay: DELAY, ...options })
  const ids = names.map((name) => name as NodeId)
  const nodes = new Map(ids.map((id) => [id, new Recorder(network.transport(id))]))
  const node = (name: string): Recorder => {
    const found = nodes.get(name as NodeId)
    if (found === undefined) throw new Error(`no node ${name}`)
    return found
  }
  for (const recorder of nodes.values()) {
    for (const id of ids) recorder.guarded.know(id, [memoryAddress(id)])
  }
  network.deliver(1_000)
  return { network, node, id: (name: string) => name as NodeId }
}

describe('deliveries of the simulated network', () => {
  test('has nothing to deliver once all links are open', () => {
    const { network } = cluster(['a', 'b', 'c'])
    expect(network.nextAtMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test('says when the next thing happens, and lets it happen then', () => {
    const { network, node, id } = cluster(['a', 'b'])
    network.setDelay(id('a'), id('b'), { minMs: 30, maxMs: 30 })
    node('a').guarded.send(id('b'), Uint8Array.of(1))
    expect(network.nextAtMs()).toBe(1_030)
    network.deliver(1_029)
    expect(node('b').frames).toHaveLength(0)
    network.deliver(1_030)
    expect(node('b').frames).toHaveLength(1)
  })

  test('equal seeds give equal deliveries, another seed gives others', () => {
    const run = (seed: number) => {
      const { network, node, id } = cluster(['a', 'b', 'c', 'd'], {
        random: seededRandom(seed),
        gossipLoss: 0.3,
        gossipDuplicates: 0.2,
      })
      const times: string[] = []
      for (let round = 0; round < 50; round++) {
        node('a').guarded.broadcast(Uint8Array.of(round))
        node('b').guarded.send(id('c'), Uint8Array.of(round))
        times.push(network.nextAtMs().toFixed(3))
        network.deliver(1_000 + round)
      }
      network.deliver(5_000)
      return [times, ...['a', 'b', 'c', 'd'].map((name) => node(name).frames)]
    }
    expect(run(3)).toEqual(run(3))
    expect(run(3)).not.toEqual(run(4))
  })

  test('broadcasts vanish, double and overtake as they are told to; streams do none of it', () => {
    const { network, node, id } = cluster(['a', 'b'], {
      delay: { minMs: 1, maxMs: 50 },
      gossipLoss: 0.25,
      gossipDuplicates: 0.25,
    })
    const numbers = Array.from({ length: 200 }, (_, number) => number)
    for (const number of numbers) {
      node('a').guarded.broadcast(Uint8Array.of(number))
      node('b').guarded.send(id('a'), Uint8Array.of(number))
    }
    network.deliver(2_000)
    const gossip = node('b').frames.map(({ frame }) => frame[0] ?? -1)
    const kinds = new Set(gossip).size
    expect(kinds).toBeGreaterThan(120)
    expect(kinds).toBeLessThan(180)
    expect(gossip.length - kinds).toBeGreaterThan(20)
    expect(gossip).not.toEqual([...gossip].sort((x, y) => x - y))
    expect(node('a').frames.map(({ frame }) => frame[0])).toEqual(numbers)
  })
})

describe('faults of the simulated network', () => {
  test('silence delivers nothing and tells nobody, until it heals and the stream goes on', () => {
    const { network, node, id } = cluster(['a', 'b', 'c'])
    node('a').guarded.send(id('b'), Uint8Array.of(1))
    network.silence(id('b'))
    node('a').guarded.send(id('b'), Uint8Array.of(2))
    node('a').guarded.broadcast(Uint8Array.of(3))
    node('b').guarded.send(id('a'), Uint8Array.of(4))
    network.deliver(60_000)
    expect(node('b').frames).toEqual([])
    expect(node('a').frames).toEqual([])
    expect(node('c').from(id('a'))).toEqual([Uint8Array.of(3)])
    expect(node('a').linkEvents).toEqual(['linked b', 'linked c'])
    network.healAll()
    node('a').guarded.send(id('b'), Uint8Array.of(5))
    network.deliver(61_000)
    expect(node('b').from(id('a'))).toEqual([1, 2, 5].map((byte) => Uint8Array.of(byte)))
    expect(node('a').from(id('b'))).toEqual([Uint8Array.of(4)])
    expect(node('b').linkEvents).toHaveLength(2)
  })

  test('a cut of one way leaves the other open', () => {
    const { network, node, id } = cluster(['a', 'b'])
    network.cutOneWay(id('a'), id('b'))
    node('a').guarded.send(id('b'), Uint8Array.of(1))
    node('b').guarded.send(id('a'), Uint8Array.of(2))
    network.deliver(10_000)
    expect(node('b').frames).toEqual([])
    expect(node('a').from(id('b'))).toEqual([Uint8Array.of(2)])
    network.heal(id('a'), id('b'))
    network.deliver(11_000)
    expect(node('b').from(id('a'))).toEqual([Uint8Array.of(1)])
  })

  test('a broadcast finds its way around a cut', () => {
    const { network, node, id } = cluster(['a', 'b', 'c'])
    network.cut(id('a'), id('b'))
    node('a').guarded.broadcast(Uint8Array.of(1))
    network.deliver(2_000)
    expect(node('b').from(id('a'))).toEqual([Uint8Array.of(1)])
  })

  test('who dies behind a cut is found dead when it heals', () => {
    const { network, node, id } = cluster(['a', 'b'])
    network.cut(id('a'), id('b'))
    network.kill(id('b'))
    network.deliver(30_000)
    expect(node('a').linkEvents).toEqual(['linked b'])
    network.healAll()
    network.deliver(30_100)
    expect(node('a').linkEvents).toEqual(['linked b', 'unlinked b', 'refused b'])
  })

  test('a node cannot be started twice without dying in between', () => {
    const { network, id } = cluster(['a'])
    expect(() => network.transport(id('a'))).toThrow('a is running already: kill it first')
  })
})
