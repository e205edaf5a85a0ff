import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../cluster/random.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { memoryAddress, Network, type NetworkOptions } from '../../sim/network.ts'
import { Recorder } from '../support/transport-recorder.ts'

const DELAY = { minMs: 1, maxMs: 3 }
/** When all links are open. */
const READY_MS = 1_000

/** Nodes `n0`, `n1`, … that are all linked with each other. */
function cluster(nodes: number, options: Partial<NetworkOptions> = {}) {
  const network = new Network({ random: seededRandom(7), delay: DELAY, ...options })
  const ids = Array.from({ length: nodes }, (_, index) => `n${index}` as NodeId)
  const recorders = ids.map((id) => new Recorder(network.transport(id)))
  for (const recorder of recorders) {
    for (const id of ids) recorder.guarded.know(id, [memoryAddress(id)])
  }
  network.deliver(READY_MS)
  const node = (index: number): Recorder => {
    const recorder = recorders[index]
    if (recorder === undefined) throw new Error(`no node ${index}`)
    return recorder
  }
  const id = (index: number) => `n${index}` as NodeId
  /** Who has heard a broadcast of this byte. */
  const heard = (byte: number) =>
    ids.filter((_, index) => node(index).frames.some(({ frame }) => frame[0] === byte))
  return { network, ids, id, node, heard }
}

function bytesOf(recorder: Recorder): number[] {
  return recorder.frames.map(({ frame }) => frame[0] ?? -1)
}

describe('a broadcast', () => {
  test.each([2, 3, 4, 6])('reaches all of 100 nodes at fanout %d, each once', (fanout) => {
    const { network, node, heard } = cluster(100, { fanout })
    node(0).guarded.broadcast(Uint8Array.of(1))
    network.deliver(READY_MS + 1_000)
    expect(heard(1)).toHaveLength(99)
    for (let index = 1; index < 100; index++) expect(bytesOf(node(index))).toEqual([1])
  })

  test('takes few hops, and costs each node about as many copies as the fanout', () => {
    const { network, node, ids, heard } = cluster(200, { delay: { minMs: 1, maxMs: 1 } })
    const before = ids.map((each) => network.traffic(each).sent.messages)
    node(0).guarded.broadcast(Uint8Array.of(1))
    // Whole hops of a millisecond: 200 nodes within 12 of them, not all within 3.
    network.deliver(READY_MS + 3)
    expect(heard(1).length).toBeLessThan(100)
    network.deliver(READY_MS + 12)
    expect(heard(1)).toHaveLength(199)
    const copies = ids.map((each, at) => network.traffic(each).sent.messages - (before[at] ?? 0))
    expect(Math.max(...copies)).toBeLessThan(12)
    const mean = copies.reduce((sum, count) => sum + count, 0) / ids.length
    expect(mean).toBeGreaterThan(1.5)
    expect(mean).toBeLessThan(3.5)
  })

  test('reaches exactly its side of a split, and everybody again when it has healed', () => {
    const { network, ids, node, heard } = cluster(40)
    node(0).guarded.broadcast(Uint8Array.of(1))
    network.deliver(READY_MS + 100)
    for (const a of ids.slice(0, 15)) for (const b of ids.slice(15)) network.cut(a, b)
    node(3).guarded.broadcast(Uint8Array.of(2))
    node(20).guarded.broadcast(Uint8Array.of(3))
    network.deliver(READY_MS + 2_000)
    expect(new Set([...heard(2), 'n3'])).toEqual(new Set(ids.slice(0, 15)))
    expect(new Set([...heard(3), 'n20'])).toEqual(new Set(ids.slice(15)))
    network.healAll()
    node(3).guarded.broadcast(Uint8Array.of(4))
    network.deliver(READY_MS + 3_000)
    expect(heard(4)).toHaveLength(39)
  })
})

describe('a broadcast through a damaged network', () => {
  test('goes around the dead and the cut', () => {
    const { network, ids, id, node, heard } = cluster(40)
    node(0).guarded.broadcast(Uint8Array.of(1))
    network.deliver(READY_MS + 100)
    for (let index = 10; index < 30; index++) network.kill(id(index))
    for (const other of ids) if (other !== id(1)) network.cut(id(0), other)
    network.deliver(READY_MS + 200)
    node(0).guarded.broadcast(Uint8Array.of(2))
    network.deliver(READY_MS + 1_000)
    expect(heard(2)).toHaveLength(19)
  })

  test('of a node that can speak but not hear is heard by all, and the reverse', () => {
    const { network, ids, id, node, heard } = cluster(20)
    for (const other of ids) if (other !== id(5)) network.cutOneWay(other, id(5))
    for (const other of ids) if (other !== id(6)) network.cutOneWay(id(6), other)
    for (const [index, byte] of [
      [5, 1],
      [6, 2],
      [7, 3],
    ] as const) {
      node(index).guarded.broadcast(Uint8Array.of(byte))
    }
    network.deliver(READY_MS + 1_000)
    expect(heard(1)).toHaveLength(19)
    expect(heard(2)).toHaveLength(0)
    expect(new Set(heard(3))).toEqual(new Set(ids.filter((_, index) => index !== 5 && index !== 7)))
  })

  test('survives losing a third of its copies, but not losing all of them', () => {
    const numbers = Array.from({ length: 50 }, (_, number) => number)
    const shareHeard = (copyLoss: number) => {
      const { network, node, heard } = cluster(20, { copyLoss })
      for (const number of numbers) node(0).guarded.broadcast(Uint8Array.of(number))
      network.deliver(READY_MS + 1_000)
      return numbers.reduce((sum, number) => sum + heard(number).length, 0) / (50 * 19)
    }
    expect(shareHeard(0)).toBe(1)
    expect(shareHeard(0.3)).toBeGreaterThan(0.7)
    expect(shareHeard(0.3)).toBeLessThan(1)
    expect(shareHeard(1)).toBe(0)
  })
})

describe('a broadcast that is late', () => {
  test('is overtaken by the next where some come late; streams never are', () => {
    const gossipLate = { share: 0.3, delay: { minMs: 10, maxMs: 100 } }
    const { network, node, id } = cluster(2, { gossipLate })
    const numbers = Array.from({ length: 100 }, (_, number) => number)
    for (const number of numbers) {
      node(0).guarded.broadcast(Uint8Array.of(number))
      node(1).guarded.send(id(0), Uint8Array.of(number))
      network.deliver(READY_MS + number)
    }
    network.deliver(READY_MS + 1_000)
    const heard = bytesOf(node(1))
    expect(heard).not.toEqual(numbers)
    expect([...heard].sort((a, b) => a - b)).toEqual(numbers)
    expect(bytesOf(node(0))).toEqual(numbers)
  })
})

describe('a path', () => {
  test('of some bandwidth carries one frame after the other', () => {
    const { network, node, id } = cluster(2, { delay: { minMs: 1, maxMs: 1 } })
    network.setBandwidth(id(0), id(1), 10)
    for (const byte of [1, 2, 3]) node(0).guarded.send(id(1), new Uint8Array(100).fill(byte))
    node(0).guarded.broadcast(new Uint8Array(50).fill(4))
    const arrivals = [11, 21, 31, 36]
    arrivals.forEach((atMs, index) => {
      network.deliver(READY_MS + atMs - 0.5)
      expect(bytesOf(node(1))).toHaveLength(index)
      network.deliver(READY_MS + atMs)
      expect(bytesOf(node(1))).toHaveLength(index + 1)
    })
    node(1).guarded.send(id(0), new Uint8Array(1_000))
    network.deliver(READY_MS + 37)
    expect(node(0).frames).toHaveLength(1)
  })

  test('that is clogged holds everything, and then delivers it all at once, streams in order', () => {
    const { network, node, id, heard } = cluster(2, { delay: { minMs: 1, maxMs: 1 } })
    node(0).guarded.send(id(1), Uint8Array.of(1))
    node(0).guarded.broadcast(Uint8Array.of(3))
    network.clog(id(0), id(1), 50)
    node(0).guarded.send(id(1), Uint8Array.of(2))
    node(0).guarded.broadcast(Uint8Array.of(3))
    node(1).guarded.send(id(0), Uint8Array.of(9))
    network.deliver(READY_MS + 49)
    expect(node(1).frames).toEqual([])
    expect(bytesOf(node(0))).toEqual([9])
    network.deliver(READY_MS + 50)
    expect(bytesOf(node(1)).filter((byte) => byte !== 3)).toEqual([1, 2])
    expect(heard(3)).toEqual([id(1)])
    node(0).guarded.send(id(1), Uint8Array.of(4))
    network.deliver(READY_MS + 51)
    expect(bytesOf(node(1)).at(-1)).toBe(4)
  })

  test('with a tail takes longer for some', () => {
    const tail = { share: 0.2, maxMs: 100 }
    const { network, node } = cluster(2, { delay: { minMs: 1, maxMs: 2, tail } })
    for (let number = 0; number < 200; number++) node(0).guarded.broadcast(Uint8Array.of(number))
    network.deliver(READY_MS + 2)
    const prompt = node(1).frames.length
    expect(prompt).toBeGreaterThan(130)
    expect(prompt).toBeLessThan(190)
    network.deliver(READY_MS + 100)
    expect(node(1).frames).toHaveLength(200)
  })
})

describe('traffic', () => {
  test('counts frames and their bytes at both ends, in all lives of a node', () => {
    const { network, node, id } = cluster(2)
    node(0).guarded.send(id(1), new Uint8Array(10))
    node(0).guarded.broadcast(new Uint8Array(7))
    network.deliver(READY_MS + 100)
    network.kill(id(1))
    network.transport(id(1))
    expect(network.traffic(id(0)).sent).toMatchObject({ messages: 2, bytes: 17 })
    expect(network.traffic(id(1)).received).toMatchObject({ messages: 2, bytes: 17 })
    expect(network.traffic(id(1)).sent).toMatchObject({ messages: 0, bytes: 0 })
  })
})
