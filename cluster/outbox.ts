import type { NodeId } from '../crdt/node-id.ts'
import type { ClusterEvent } from './event.ts'
import type { ForwardedDecision, Message } from './message.ts'

export type Outbound =
  | { readonly type: 'broadcast'; readonly message: Message }
  | { readonly type: 'send'; readonly to: NodeId; readonly message: Message }

/** A check that this node had forwarded, or put aside, is decided. */
export interface Settled {
  readonly id: number
  readonly decision: ForwardedDecision
  /** Who decided. */
  readonly by: NodeId
}

/** What a node wants done since it was last asked: the only way anything leaves the core. */
export interface Effects {
  readonly outbound: readonly Outbound[]
  readonly settled: readonly Settled[]
  readonly events: readonly ClusterEvent[]
}

/** What most turns bring about. One value for all of them. */
export const NO_EFFECTS: Effects = { outbound: [], settled: [], events: [] }

/** Collects effects until they are drained. */
export class Outbox {
  #outbound: Outbound[] = []
  #settled: Settled[] = []
  #events: ClusterEvent[] = []

  get isEmpty(): boolean {
    return this.#outbound.length + this.#settled.length + this.#events.length === 0
  }

  broadcast(message: Message): void {
    this.#outbound.push({ type: 'broadcast', message })
  }

  send(to: NodeId, message: Message): void {
    this.#outbound.push({ type: 'send', to, message })
  }

  settle(settled: Settled): void {
    this.#settled.push(settled)
  }

  event(...events: ClusterEvent[]): void {
    this.#events.push(...events)
  }

  drain(): Effects {
    if (this.isEmpty) return NO_EFFECTS
    const effects = { ...NO_EFFECTS }
    if (this.#outbound.length > 0) {
      effects.outbound = this.#outbound
      this.#outbound = []
    }
    if (this.#settled.length > 0) {
      effects.settled = this.#settled
      this.#settled = []
    }
    if (this.#events.length > 0) {
      effects.events = this.#events
      this.#events = []
    }
    return effects
  }
}
