import type { NodeId } from '../crdt/node-id.ts'
import type { Membership } from './membership.ts'
import type { Settings } from './message.ts'
import type { Outbox } from './outbox.ts'

/** What a peer says of itself that nothing is decided by. */
interface PeerReport {
  /** The ring as the peer saw it when it was last heard. */
  view: number | undefined
  settings: Settings | undefined
}

/** Of whoever knows it, who is linked. */
type Linked = Pick<Membership, 'linkedPeers'>

/**
 * What peers have said of themselves, for operators to compare: which ring they see, which rules they enforce,
 * how they gossip. A node tells its own settings on the stream, when a link opens and when they change; one
 * that has none to tell, as in a simulation, is silent.
 */
export class PeerReports {
  readonly #membership: Linked
  readonly #outbox: Outbox
  /** Written in place: a view comes with every frame of gossip. */
  readonly #reports = new Map<NodeId, PeerReport>()
  #own: Settings | undefined

  constructor(own: Settings | undefined, membership: Linked, outbox: Outbox) {
    this.#own = own
    this.#membership = membership
    this.#outbox = outbox
  }

  get own(): Settings | undefined {
    return this.#own
  }

  of(peer: NodeId): Readonly<PeerReport> | undefined {
    return this.#reports.get(peer)
  }

  linked(peer: NodeId): void {
    if (this.#own !== undefined) this.#outbox.send(peer, { type: 'settings', ...this.#own })
  }

  /** This node has other rules now. */
  rulesAre(rules: string): void {
    if (this.#own === undefined) return
    this.#own = { ...this.#own, rules }
    for (const peer of this.#membership.linkedPeers()) this.linked(peer)
  }

  sees(peer: NodeId, view: number): void {
    this.#report(peer).view = view
  }

  has(peer: NodeId, { rules, gossipIntervalMs, fanout }: Settings): void {
    this.#report(peer).settings = { rules, gossipIntervalMs, fanout }
  }

  forget(peer: NodeId): void {
    this.#reports.delete(peer)
  }

  #report(peer: NodeId): PeerReport {
    let report = this.#reports.get(peer)
    if (report === undefined) {
      report = { view: undefined, settings: undefined }
      this.#reports.set(peer, report)
    }
    return report
  }
}
