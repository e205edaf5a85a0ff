import type { NodeId } from '../crdt/node-id.ts'
import { memberMark, Placement } from './placement.ts'

/**
 * Who shares the keys, as it changes. Knowing whether two nodes agree takes one comparison of views, so the
 * view is kept with every change; the placement itself is made when somebody asks where a key lies.
 */
export class Ring {
  readonly #members = new Set<NodeId>()
  #view = 0
  #changedMs = Number.NEGATIVE_INFINITY
  #announcedView = 0
  #placement: Placement | undefined

  /** Fingerprint of the members: see `Placement.view`. */
  get view(): number {
    return this.#view
  }

  /** When somebody last came or went. */
  get changedMs(): number {
    return this.#changedMs
  }

  get size(): number {
    return this.#members.size
  }

  get members(): Iterable<NodeId> {
    return this.#members
  }

  has(member: NodeId): boolean {
    return this.#members.has(member)
  }

  /** The member is in the ring from now on, or is not. */
  put(member: NodeId, isIn: boolean, nowMs: number): void {
    if (this.#members.has(member) === isIn) return
    this.#changedMs = nowMs
    this.#placement = undefined
    if (isIn) this.#members.add(member)
    else this.#members.delete(member)
    const mark = memberMark(member)
    this.#view = (isIn ? this.#view + mark : this.#view - mark) >>> 0
  }

  get placement(): Placement {
    this.#placement ??= new Placement(this.#members)
    return this.#placement
  }

  /** Whether the ring is another than when this was last asked. */
  takeChange(): boolean {
    if (this.#announcedView === this.#view) return false
    this.#announcedView = this.#view
    return true
  }
}
