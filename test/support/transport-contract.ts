import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FRAME_BYTES_MAX } from '../../cluster/limits.ts'
import type { Transport } from '../../cluster/transport.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { Recorder } from './transport-recorder.ts'

/** A network of the adapter under test, in which nodes are known by short names. */
export interface TransportHarness {
  /** Starts a node. Under the same name it comes back as the same node at the same address. */
  start(name: string): Promise<StartedTransport>
  /** Ends the node's process as abruptly as the adapter can. */
  kill(name: string): Promise<void>
  /** Lets time pass until the condition holds; throws when it does not within the adapter's patience. */
  until(what: string, condition: () => boolean): Promise<void>
  /** Lets so much time pass that whatever is on its way has arrived. */
  settle(): Promise<void>
  stop(): Promise<void>
}

export interface StartedTransport {
  readonly transport: Transport
  readonly addresses: readonly string[]
}

interface Station extends StartedTransport {
  readonly id: NodeId
  readonly heard: Recorder
}

/** What every adapter of the Transport port must do. */
export function transportContract(
  name: string,
  makeHarness: () => Promise<TransportHarness>,
): void {
  describe(`${name} keeps the transport contract`, () => {
    let harness: TransportHarness

    beforeEach(async () => {
      harness = await makeHarness()
    })

    afterEach(async () => {
      await harness.stop()
    })

    async function start(nodeName: string): Promise<Station> {
      const { transport, addresses } = await harness.start(nodeName)
      const heard = new Recorder(transport)
      return { transport: heard.guarded, addresses, id: transport.self, heard }
    }

    async function linkedPair(): Promise<[Station, Station]> {
      const a = await start('a')
      const b = await start('b')
      a.transport.know(b.id, b.addresses)
      await untilLinked(a, b)
      return [a, b]
    }

    function untilLinked(a: Station, b: Station): Promise<void> {
      return harness.until(
        'both ends are linked',
        () => a.heard.isLinked(b.id) && b.heard.isLinked(a.id),
      )
    }

    delivery(() => ({ harness, start, linkedPair, untilLinked }))
    links(() => ({ harness, start, linkedPair, untilLinked }))
    knowledge(() => ({ harness, start, linkedPair, untilLinked }))
  })
}

interface Stage {
  readonly harness: TransportHarness
  start(name: string): Promise<Station>
  linkedPair(): Promise<[Station, Station]>
  untilLinked(a: Station, b: Station): Promise<void>
}

function delivery(stage: () => Stage): void {
  test('frames arrive whole and in order, in both directions, under their author', async () => {
    const { harness, linkedPair } = stage()
    const [a, b] = await linkedPair()
    const sizes = [0, 1, 5, FRAME_BYTES_MAX, 1_000, 3, 40_000, FRAME_BYTES_MAX, 2]
    const frames = sizes.map((size, index) => new Uint8Array(size).fill(index + 1))
    for (const frame of frames) {
      expect(a.transport.send(b.id, frame)).toBe(true)
      expect(b.transport.send(a.id, frame)).toBe(true)
    }
    await harness.until(
      'all frames have arrived',
      () => a.heard.from(b.id).length >= sizes.length && b.heard.from(a.id).length >= sizes.length,
    )
    expect(b.heard.from(a.id).map(contents)).toEqual(frames.map(contents))
    expect(a.heard.from(b.id).map(contents)).toEqual(frames.map(contents))
    expect(a.heard.frames).toHaveLength(sizes.length)
  })

  test('a thousand frames of many turns arrive in order', async () => {
    const { harness, linkedPair } = stage()
    const [a, b] = await linkedPair()
    for (let number = 0; number < 1_000; number++) {
      a.transport.send(b.id, numbered(number))
      if (number % 100 === 99) await harness.until('a turn has passed', () => true)
    }
    await harness.until('all frames have arrived', () => b.heard.frames.length >= 1_000)
    expect(b.heard.from(a.id).map(numberOf)).toEqual(Array.from({ length: 1_000 }, (_, i) => i))
  })

  test('the sender may reuse its buffer at once', async () => {
    const { harness, linkedPair } = stage()
    const [a, b] = await linkedPair()
    const buffer = Uint8Array.of(1, 2, 3)
    a.transport.send(b.id, buffer)
    buffer.fill(9)
    await harness.until('the frame has arrived', () => b.heard.frames.length === 1)
    expect(b.heard.from(a.id)).toEqual([Uint8Array.of(1, 2, 3)])
  })

  test('sending to somebody without a link returns false', async () => {
    const { start } = stage()
    const a = await start('a')
    const b = await start('b')
    expect(a.transport.send(b.id, Uint8Array.of(1))).toBe(false)
    expect(a.transport.send('nobody' as NodeId, Uint8Array.of(1))).toBe(false)
    expect(a.transport.send(a.id, Uint8Array.of(1))).toBe(false)
  })

  test('a frame above the limit is an error at the sender, and nothing is sent', async () => {
    const { harness, linkedPair } = stage()
    const [a, b] = await linkedPair()
    const oversize = new Uint8Array(FRAME_BYTES_MAX + 1)
    expect(() => a.transport.send(b.id, oversize)).toThrow(/65537 bytes exceeds the 65536/)
    expect(() => a.transport.broadcast(oversize)).toThrow(RangeError)
    a.transport.send(b.id, Uint8Array.of(7))
    await harness.until('the next frame has arrived', () => b.heard.frames.length === 1)
    expect(b.heard.from(a.id)).toEqual([Uint8Array.of(7)])
  })

  test('a broadcast reaches all others under its author, and never its author', async () => {
    const { harness, start, untilLinked } = stage()
    const stations = await Promise.all(['a', 'b', 'c'].map(start))
    const [a, b, c] = stations as [Station, Station, Station]
    // In a row: what a says must be relayed by b to reach c, and is still a's.
    a.transport.know(b.id, b.addresses)
    b.transport.know(c.id, c.addresses)
    await untilLinked(a, b)
    await untilLinked(b, c)
    let round = 0
    await harness.until('everybody has heard everybody else', () => {
      // A broadcast may vanish: repeat it.
      round += 1
      for (const { transport, id } of stations) transport.broadcast(spoken(id, round))
      return stations.every(({ heard }) => heard.authors.size === 2)
    })
    for (const { heard, id } of stations) {
      expect(heard.authors).not.toContain(id)
      for (const { from, frame } of heard.frames) expect(speakerOf(frame)).toBe(from)
    }
  })
}

function links(stage: () => Stage): void {
  test('linked is told once at each end, although both dial', async () => {
    const { harness, start, untilLinked } = stage()
    const a = await start('a')
    const b = await start('b')
    a.transport.know(b.id, b.addresses)
    b.transport.know(a.id, a.addresses)
    a.transport.know(b.id, b.addresses)
    await untilLinked(a, b)
    await harness.settle()
    expect(a.heard.linkEvents).toEqual([`linked ${b.id}`])
    expect(b.heard.linkEvents).toEqual([`linked ${a.id}`])
  })

  test('knowing oneself is nothing', async () => {
    const { harness, start } = stage()
    const a = await start('a')
    a.transport.know(a.id, a.addresses)
    await harness.settle()
    expect(a.heard.linkEvents).toEqual([])
  })

  test('a killed peer is unlinked once, then refused', async () => {
    const { harness, linkedPair } = stage()
    const [a, b] = await linkedPair()
    await harness.kill('b')
    await harness.until('a knows', () => a.heard.linkEvents.includes(`refused ${b.id}`))
    expect(a.heard.linkEvents.slice(0, 3)).toEqual([
      `linked ${b.id}`,
      `unlinked ${b.id}`,
      `refused ${b.id}`,
    ])
    expect(a.transport.send(b.id, Uint8Array.of(1))).toBe(false)
  })

  test('a peer that comes back is linked again, and nothing from before is repeated', async () => {
    const { harness, start, linkedPair, untilLinked } = stage()
    const [a, b] = await linkedPair()
    await harness.kill('b')
    await harness.until('a knows', () => a.heard.linkEvents.includes(`unlinked ${b.id}`))
    const again = await start('b')
    await untilLinked(a, again)
    a.transport.send(again.id, Uint8Array.of(2))
    again.transport.send(a.id, Uint8Array.of(3))
    await harness.until(
      'both have heard',
      () => again.heard.frames.length > 0 && a.heard.frames.length > 0,
    )
    expect(again.heard.from(a.id)).toEqual([Uint8Array.of(2)])
    expect(a.heard.from(b.id)).toEqual([Uint8Array.of(3)])
  })

  test('a peer is linked once it starts, however long it was known before', async () => {
    const { harness, start, linkedPair, untilLinked } = stage()
    const [a, b] = await linkedPair()
    await harness.kill('b')
    const times = (event: string) => a.heard.linkEvents.filter((seen) => seen === event).length
    await harness.until('a was refused twice', () => times(`refused ${b.id}`) >= 2)
    await untilLinked(a, await start('b'))
    expect(times(`linked ${b.id}`)).toBe(2)
  })
}

function knowledge(stage: () => Stage): void {
  test('a forgotten peer is unlinked at both ends, and not dialled again', async () => {
    const { harness, linkedPair } = stage()
    const [a, b] = await linkedPair()
    a.transport.forget(b.id)
    expect(a.transport.send(b.id, Uint8Array.of(1))).toBe(false)
    await harness.until('both ends know', () => !a.heard.isLinked(b.id) && !b.heard.isLinked(a.id))
    await harness.settle()
    expect(a.heard.linkEvents).toEqual([`linked ${b.id}`, `unlinked ${b.id}`])
    expect(b.heard.linkEvents).toEqual([`linked ${a.id}`, `unlinked ${a.id}`])
  })

  test('a forgotten peer can be known again', async () => {
    const { harness, linkedPair, untilLinked } = stage()
    const [a, b] = await linkedPair()
    a.transport.forget(b.id)
    await harness.until('a knows', () => !a.heard.isLinked(b.id))
    a.transport.know(b.id, b.addresses)
    await untilLinked(a, b)
  })

  test('mentioning a dead peer again and again does not hurry its dialling', async () => {
    const { harness, linkedPair } = stage()
    const [a, b] = await linkedPair()
    await harness.kill('b')
    const refusals = () => a.heard.linkEvents.filter((seen) => seen === `refused ${b.id}`).length
    let mentions = 0
    await harness.until('a was refused three times', () => {
      a.transport.know(b.id, b.addresses)
      mentions += 1
      return refusals() >= 3
    })
    expect(mentions).toBeGreaterThan(50)
  })

  test('later addresses replace earlier ones', async () => {
    const { harness, start, untilLinked } = stage()
    const a = await start('a')
    const b = await start('b')
    const c = await start('c')
    // At c's address somebody else answers than b.
    a.transport.know(b.id, c.addresses)
    await harness.settle()
    expect(a.heard.linkEvents).toEqual([])
    a.transport.know(b.id, b.addresses)
    await untilLinked(a, b)
  })
}

/** Comparing the bytes one by one takes a second. */
function contents(frame: Uint8Array): string {
  return `${frame.byteLength} bytes, each one of ${[...new Set(frame)]}`
}

function numbered(number: number): Uint8Array {
  const frame = new Uint8Array(4)
  new DataView(frame.buffer).setUint32(0, number)
  return frame
}

function numberOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(0)
}

function spoken(id: NodeId, round: number): Uint8Array {
  return new TextEncoder().encode(`${id} ${round}`)
}

function speakerOf(frame: Uint8Array): string {
  return new TextDecoder().decode(frame).split(' ')[0] ?? ''
}
