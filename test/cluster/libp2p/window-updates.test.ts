import { setImmediate as turn } from 'node:timers/promises'
import { YamuxStream } from '@chainsafe/libp2p-yamux/stream'
import type { Stream } from '@libp2p/interface'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { tellWindowSeldom } from '../../../cluster/libp2p/window-updates.ts'
import { FRAME_BYTES_MAX } from '../../../cluster/limits.ts'
import { Libp2pTransports, until } from '../../support/libp2p-transports.ts'
import { Recorder } from '../../support/transport-recorder.ts'

const WINDOW = 256 * 1024

/** A stream with yamux's fields, and how often it has told its window. */
function windowed() {
  const stream = {
    told: 0,
    recvWindow: WINDOW,
    recvWindowCapacity: WINDOW,
    sendWindowUpdate() {
      stream.told += 1
      stream.recvWindowCapacity = stream.recvWindow
    },
  }
  return stream
}

describe('a window', () => {
  test('is told when half of it is used, and not before', () => {
    const stream = windowed()
    tellWindowSeldom(stream as unknown as Stream)
    stream.recvWindowCapacity -= WINDOW / 2 - 1
    stream.sendWindowUpdate()
    expect(stream.told).toBe(0)
    stream.recvWindowCapacity -= 1
    stream.sendWindowUpdate()
    expect(stream.told).toBe(1)
  })

  test('of a muxer that keeps other fields is left alone', () => {
    let told = 0
    const stream = { sendWindowUpdate: () => void told++ }
    tellWindowSeldom(stream as unknown as Stream)
    stream.sendWindowUpdate()
    expect(told).toBe(1)
  })
})

describe('a link', () => {
  const transports = new Libp2pTransports()
  afterEach(() => transports.stopAll())

  test('carries many windows of bytes one way, in order', { timeout: 20_000 }, async () => {
    const a = await transports.start('a')
    const b = await transports.start('b', { seeds: a.addresses })
    const [atA, atB] = [new Recorder(a), new Recorder(b)]
    await until('they are linked', () => atA.isLinked(b.self) && atB.isLinked(a.self))
    const frames = (10 * WINDOW) / FRAME_BYTES_MAX
    for (let number = 0; number < frames; number++) {
      const frame = new Uint8Array(FRAME_BYTES_MAX).fill(number)
      expect(a.send(b.self, frame)).toBe(true)
      expect(b.send(a.self, Uint8Array.of(number))).toBe(true)
      await turn()
    }
    await until('all have come', () => atB.frames.length === frames && atA.frames.length === frames)
    expect(atB.frames.map(({ frame }) => frame[FRAME_BYTES_MAX - 1])).toEqual(
      Array.from({ length: frames }, (_, number) => number),
    )
  })

  test('tells the window for few of its small frames', { timeout: 20_000 }, async () => {
    const told = vi.spyOn(YamuxStream.prototype, 'sendWindowUpdate')
    const a = await transports.start('a')
    const b = await transports.start('b', { seeds: a.addresses })
    const [atA, atB] = [new Recorder(a), new Recorder(b)]
    await until('they are linked', () => atA.isLinked(b.self) && atB.isLinked(a.self))
    const before = told.mock.calls.length
    const frames = 200
    for (let number = 1; number <= frames; number++) {
      a.send(b.self, Uint8Array.of(number))
      await until('it has come', () => atB.frames.length === number)
    }
    // Gossip has streams of its own, whose windows are told as ever.
    expect(told.mock.calls.length - before).toBeLessThan(frames / 2)
    told.mockRestore()
  })
})
