/**
 * Frames on a byte stream: a 4-byte big-endian length, then that many bytes.
 *
 * The length is judged before a single byte of the frame is kept, and a frame's bytes are copied once, into
 * a buffer of exactly its size. So a peer can occupy no more than one frame of memory, however it cuts its
 * bytes into pieces.
 */

const FRAME_HEADER_BYTES = 4

export class OversizeFrameError extends Error {
  override readonly name = 'OversizeFrameError'
  readonly bytes: number

  constructor(bytes: number, bytesMax: number) {
    super(`a frame of ${bytes} bytes was announced, the limit is ${bytesMax}`)
    this.bytes = bytes
  }
}

/** A copy of the frame with its header: the caller may reuse its buffer at once. */
export function encodeFrame(frame: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(FRAME_HEADER_BYTES + frame.byteLength)
  new DataView(encoded.buffer).setUint32(0, frame.byteLength)
  encoded.set(frame, FRAME_HEADER_BYTES)
  return encoded
}

export class FrameDecoder {
  readonly #bytesMax: number
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  #frame: Uint8Array | undefined
  /** Bytes of the header, or of the frame once there is one, that have arrived. */
  #filled = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The frames that `chunk` completes, in order. Throws `OversizeFrameError`; the stream is then of no more use. */
  *decode(chunk: Uint8Array): Generator<Uint8Array> {
    let at = 0
    while (at < chunk.byteLength) {
      const target = this.#frame ?? this.#header
      const taken = chunk.subarray(at, at + target.byteLength - this.#filled)
      target.set(taken, this.#filled)
      this.#filled += taken.byteLength
      at += taken.byteLength
      if (this.#filled < target.byteLength) return
      if (this.#frame === undefined) this.#frame = this.#allocate()
      else yield* this.#complete(this.#frame)
      // An empty frame is complete with its header: there may be no later byte to complete it.
      if (this.#frame?.byteLength === 0) yield* this.#complete(this.#frame)
    }
  }

  #allocate(): Uint8Array {
    this.#filled = 0
    const bytes = new DataView(this.#header.buffer).getUint32(0)
    if (bytes > this.#bytesMax) throw new OversizeFrameError(bytes, this.#bytesMax)
    return new Uint8Array(bytes)
  }

  *#complete(frame: Uint8Array): Generator<Uint8Array> {
    this.#frame = undefined
    this.#filled = 0
    yield frame
  }
}
