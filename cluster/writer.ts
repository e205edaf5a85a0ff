import type { Message } from './message.ts'
import { encode } from './wire.ts'

/**
 * Writes messages as frames, each once: what is said to every peer, one after the other, is one and the same
 * message, and nobody writes into its frame.
 */
export class Writer {
  #message: Message | undefined
  #frame: Uint8Array = NOTHING

  /** @throws RangeError as `encode` does. */
  frameOf(message: Message): Uint8Array {
    if (message !== this.#message) {
      this.#frame = encode(message)
      this.#message = message
    }
    return this.#frame
  }
}

const NOTHING = new Uint8Array(0)
