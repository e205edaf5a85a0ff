import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeFrame,
  FrameDecoder,
  OversizeFrameError,
} from '../../../cluster/libp2p/frame-codec.ts'

const BYTES_MAX = 300

describe('frames on a byte stream', () => {
  test('come out as they went in, however the bytes are cut', () => {
    const frames = fc.array(fc.uint8Array({ maxLength: BYTES_MAX, size: 'max' }))
    const cuts = fc.infiniteStream(fc.nat({ max: 400 }))
    fc.assert(
      fc.property(frames, cuts, (sent, sizes) => {
        const bytes = Buffer.concat(sent.map(encodeFrame))
        const decoder = new FrameDecoder(BYTES_MAX)
        const received: Uint8Array[] = []
        for (let at = 0; at < bytes.byteLength; ) {
          const size = sizes.next().value ?? 1
          received.push(...decoder.decode(bytes.subarray(at, at + size)))
          at += size
        }
        expect(received).toEqual(sent)
      }),
    )
  })

  test('have their length before them, big end first', () => {
    expect([...encodeFrame(new Uint8Array(258))].slice(0, 5)).toEqual([0, 0, 1, 2, 0])
  })

  test('above the limit are an error as soon as the length is known', () => {
    const decoder = new FrameDecoder(BYTES_MAX)
    expect([...decoder.decode(Uint8Array.of(0, 0, 1))]).toEqual([])
    expect(() => [...decoder.decode(Uint8Array.of(0x2d))]).toThrow(OversizeFrameError)
  })

  test('before an error are still delivered', () => {
    const decoder = new FrameDecoder(BYTES_MAX)
    const frames = decoder.decode(Uint8Array.of(0, 0, 0, 1, 5, 0xff, 0xff, 0xff, 0xff, 1, 2))
    expect(frames.next().value).toEqual(Uint8Array.of(5))
    expect(() => frames.next()).toThrow('a frame of 4294967295 bytes was announced')
  })
})
