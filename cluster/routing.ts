import type { NodeId } from '../crdt/node-id.ts'
import type { Forwarding } from './forwarding.ts'
import type { Membership } from './membership.ts'

/** A peer to ask, or: decide here. */
export type Route = NodeId | 'here'

/**
 * Who should decide a check. Its owner; and if that cannot be asked, the next node of the key's preference
 * list that can. Every node computes this alone, so the better they agree on who can be asked, the fewer
 * nodes decide the same key.
 */
export class Routing {
  readonly #membership: Membership
  readonly #forwarding: Forwarding

  constructor(membership: Membership, forwarding: Forwarding) {
    this.#membership = membership
    this.#forwarding = forwarding
  }

  /** `tried` have been asked in vain. */
  route(hashHi: number, tried: readonly NodeId[], nowMs: number): Route {
    const { placement, self } = this.#membership
    const owner = placement.owner(hashHi)
    if (owner === self.id) return 'here'
    if (tried.length === 0 && owner !== undefined && this.#isReachable(owner, nowMs)) return owner
    for (const candidate of placement.preference(hashHi, placement.members.length)) {
      if (candidate === self.id) return 'here'
      if (candidate === owner && tried.length === 0) continue
      if (tried.includes(candidate) || this.#membership.isSilent(candidate, nowMs)) continue
      if (this.#isReachable(candidate, nowMs)) return candidate
    }
    return 'here'
  }

  #isReachable(peer: NodeId, nowMs: number): boolean {
    return this.#membership.isLinked(peer) && this.#forwarding.isWorthAsking(peer, nowMs)
  }
}
