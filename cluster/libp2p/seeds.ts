import type { NodeId } from '../../crdt/node-id.ts'
import type { Dialler } from './dialler.ts'
import type { OnFault } from './fault.ts'
import { formatPeerAddress, type PeerAddress } from './peer-address.ts'
import type { RedialLoop } from './redial.ts'

/**
 * A place where members may be found: dialled until somebody found there is linked, and again when that
 * link is lost. A name with several addresses stands for all of them.
 */
interface Seed {
  readonly key: string
  readonly address: PeerAddress
  /** Who answered there last time. */
  peers: readonly NodeId[]
  /** IP addresses at which this node answered itself. */
  readonly own: Set<string>
}

export class Seeds {
  readonly #dialler: Dialler
  readonly #redial: RedialLoop
  readonly #isLinked: (peer: NodeId) => boolean
  readonly #onFault: OnFault
  readonly #seeds: readonly Seed[]

  constructor(
    addresses: readonly PeerAddress[],
    dependencies: {
      readonly dialler: Dialler
      readonly redial: RedialLoop
      readonly isLinked: (peer: NodeId) => boolean
      readonly onFault: OnFault
    },
  ) {
    this.#dialler = dependencies.dialler
    this.#redial = dependencies.redial
    this.#isLinked = dependencies.isLinked
    this.#onFault = dependencies.onFault
    this.#seeds = addresses.map((address) => ({
      key: `seed ${formatPeerAddress(address)}`,
      address,
      peers: address.peer === undefined ? [] : [address.peer],
      own: new Set(),
    }))
  }

  start(): void {
    for (const seed of this.#seeds) {
      this.#redial.keep(seed.key, (signal) => this.#attempt(seed, signal), 0)
    }
  }

  /** The link to this peer is gone: somebody, perhaps somebody else, may soon be where it was found. */
  lost(peer: NodeId, afterMs: number): void {
    for (const seed of this.#seeds) {
      if (seed.peers.includes(peer)) this.#redial.wake(seed.key, afterMs)
    }
  }

  async #attempt(seed: Seed, signal: AbortSignal): Promise<'resting' | 'again'> {
    if (seed.peers.some(this.#isLinked)) return 'resting'
    const { address } = seed
    const resolved = await this.#dialler.resolve(address)
    const found: NodeId[] = []
    for (const ip of resolved.filter((candidate) => !seed.own.has(candidate))) {
      if (signal.aborted) return 'resting'
      const outcome = await this.#dialler.dial(ip, address.peer, signal)
      if (outcome.type === 'connected') found.push(outcome.peer)
      if (outcome.type === 'self') this.#foundSelf(seed, ip)
    }
    if (found.length > 0) seed.peers = found
    // A name may come to stand for others; an IP address that is this node's will stay so.
    const isOwn = !address.kind.startsWith('dns') && resolved.every((ip) => seed.own.has(ip))
    return isOwn ? 'resting' : 'again'
  }

  #foundSelf(seed: Seed, own: string): void {
    seed.own.add(own)
    this.#onFault({ type: 'self-dialled', address: own })
  }
}
