import { setTimeout as delay } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { FRAME_BYTES_MAX } from '../limits.ts'
import { encodeFrame, FrameDecoder } from './frame-codec.ts'
import { BACKLOG_BYTES_MAX } from './limits.ts'

export class BacklogExceededError extends Error {
  override readonly name = 'BacklogExceededError'
  readonly bytes: number

  constructor(bytes: number) {
    super(`${bytes} bytes wait for a peer that does not read, the limit is ${BACKLOG_BYTES_MAX}`)
    this.bytes = bytes
  }
}

/**
 * The one long-lived stream of a pair of peers, as ordered whole frames.
 *
 * Writing is by pull: the muxer asks for bytes when it can take some, and is given everything queued since
 * it last asked, as one write. The encrypted socket write is what a frame costs, so frames sent in one turn
 * share it, while a lone frame leaves in the same turn, without waiting for company.
 */
export class PeerStream {
  readonly #stream: Stream
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #open = true
  /** No more frames will be queued; what is queued is still written. */
  #finishing = false
  #wakeWriter: (() => void) | undefined
  #failure: Error | undefined
  #pauseMs = 0
  #over: Promise<Error | undefined> = Promise.resolve(undefined)

  constructor(stream: Stream) {
    this.#stream = stream
  }

  /** Queues a copy of the frame. False, and nothing sent, when the stream is no longer open. */
  send(frame: Uint8Array): boolean {
    if (!this.#open || this.#finishing) return false
    const encoded = encodeFrame(frame)
    const queuedBytes = this.#queuedBytes + encoded.byteLength
    if (queuedBytes > BACKLOG_BYTES_MAX) {
      this.abort(new BacklogExceededError(queuedBytes))
      return false
    }
    this.#queue.push(encoded)
    this.#queuedBytes = queuedBytes
    this.#wakeWriter?.()
    return true
  }

  /**
   * Moves frames until the peer ends the stream, or somebody breaks it off. Resolves to the error, if that
   * was the reason. `onFrame` is never called again afterwards, nor after `abort`.
   */
  run(onFrame: (frame: Uint8Array) => void): Promise<Error | undefined> {
    this.#stream.sink(this.#batches()).catch((error) => this.#close(error))
    this.#over = this.#read(onFrame)
    return this.#over
  }

  /**
   * Writes what is queued, says that nothing more will come, and waits for the peer to end the stream in
   * turn: by then it has read everything.
   */
  async finish(): Promise<void> {
    this.#finishing = true
    this.#wakeWriter?.()
    await this.#over
  }

  /** Ends the stream now; `error` says why, if it is a failure. What is queued is lost. */
  abort(error: Error | undefined): void {
    this.#close(error)
  }

  /** Reads no further for so long: what the peer sends meanwhile waits at its end, once the stream's window is full. */
  pause(ms: number): void {
    this.#pauseMs = ms
  }

  #close(failure: unknown): void {
    if (!this.#open) return
    this.#open = false
    this.#failure = failure instanceof Error ? failure : undefined
    this.#queue = []
    this.#wakeWriter?.()
    this.#stream.abort(this.#failure ?? new Error('the stream has ended'))
  }

  async #read(onFrame: (frame: Uint8Array) => void): Promise<Error | undefined> {
    const decoder = new FrameDecoder(FRAME_BYTES_MAX)
    try {
      for await (const chunk of this.#stream.source) {
        for (const frame of decoder.decode(chunk.subarray())) {
          if (!this.#open) return this.#failure
          onFrame(frame)
          if (this.#pauseMs > 0) await this.#paused()
        }
      }
      this.#close(undefined)
    } catch (error) {
      this.#close(error)
    }
    return this.#failure
  }

  async #paused(): Promise<void> {
    const ms = this.#pauseMs
    this.#pauseMs = 0
    await delay(ms, undefined, { ref: false })
  }

  async *#batches(): AsyncGenerator<Uint8Array> {
    while (this.#open) {
      const batch = this.#takeBatch()
      if (batch !== undefined) {
        yield batch
      } else if (this.#finishing) {
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeWriter = resolve
        })
        this.#wakeWriter = undefined
      }
    }
  }

  #takeBatch(): Uint8Array | undefined {
    const frames = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    return frames.length > 1 ? Buffer.concat(frames) : frames[0]
  }
}
