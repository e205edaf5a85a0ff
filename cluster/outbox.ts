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
  readonly outbound: Outbound[]
  readonly settled: Settled[]
  readonly events: ClusterEvent[]
}

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
    const effects = { outbound: this.#outbound, settled: this.#settled, events: this.#events }
    this.#outbound = []
    this.#settled = []
    this.#events = []
    return effects
  }
}
