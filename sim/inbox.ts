import { type Decoded, decode } from '../cluster/wire.ts'

/**
 * Reads frames, each once: what a thousand nodes hear of one broadcast is one and the same message. Nobody
 * changes a message, so nobody can tell.
 */
export class Inbox {
  readonly #broadcasts = new WeakMap<Uint8Array, Decoded>()

  read(frame: Uint8Array): Decoded {
    const known = this.#broadcasts.get(frame)
    if (known !== undefined) return known
    const decoded = decode(frame)
    // Only gossip has more than one receiver.
    if (decoded.type === 'message' && decoded.message.type === 'gossip') {
      this.#broadcasts.set(frame, decoded)
    }
    return decoded
  }
}
