import type { NodeId } from '../crdt/node-id.ts'
import { RUMOUR_REPEATS } from './limits.ts'

/** Whose records are still to be repeated in gossip, and how often; the one that has waited longest first. */
export class Rumours {
  readonly #repeats = new Map<NodeId, number>()

  /** Something about this member is news, and waits behind what was news before. */
  spread(id: NodeId): void {
    this.#repeats.delete(id)
    this.#repeats.set(id, RUMOUR_REPEATS)
  }

  has(id: NodeId): boolean {
    return this.#repeats.has(id)
  }

  /** It has been told once more. */
  told(id: NodeId): void {
    const left = (this.#repeats.get(id) ?? 0) - 1
    if (left > 0) this.#repeats.set(id, left)
    else this.#repeats.delete(id)
  }

  /** Whom the next frame tells of: at most so many beside the teller itself, whom every frame tells of. */
  take(most: number, teller: NodeId): NodeId[] {
    const taken: NodeId[] = []
    for (const id of this.#repeats.keys()) {
      if (taken.length >= most) break
      this.told(id)
      if (id !== teller) taken.push(id)
    }
    return taken
  }

  forget(id: NodeId): void {
    this.#repeats.delete(id)
  }
}
