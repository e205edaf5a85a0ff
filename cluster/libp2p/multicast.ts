import { createHash } from 'node:crypto'
import { type Logger, type PeerDiscovery, start, stop } from '@libp2p/interface'
import type { MulticastDNSComponents } from '@libp2p/mdns'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { NodeId } from '../../crdt/node-id.ts'
import { asError, type OnFault, reasonOf } from './fault.ts'

export interface MulticastDependencies {
  /** Full multiaddrs of this node, with its id. */
  readonly addresses: () => readonly string[]
  readonly found: (peer: NodeId, addresses: readonly string[]) => void
  readonly onFault: OnFault
}

/**
 * Members on the local network, by multicast DNS: for a laptop, or a room. Nothing is loaded, sent or answered
 * before it is asked for. Nodes of other clusters ask for another name; whoever is found has to know the
 * cluster's key to be linked, as everybody has.
 */
export class Multicast {
  readonly #dependencies: MulticastDependencies
  readonly #serviceTag: string
  #asking: Promise<PeerDiscovery | undefined> | undefined

  constructor(topic: string, dependencies: MulticastDependencies) {
    this.#dependencies = dependencies
    this.#serviceTag = serviceTagOf(topic)
  }

  /** From now on asks every ten seconds who is there, and answers who asks. */
  ask(): void {
    this.#asking ??= this.#start().catch((thrown) => {
      this.#failed(thrown)
      return undefined
    })
  }

  async stop(): Promise<void> {
    const discovery = await this.#asking
    if (discovery !== undefined) await stop(discovery)
  }

  async #start(): Promise<PeerDiscovery> {
    const { mdns } = await import('@libp2p/mdns')
    const discovery = mdns({ serviceTag: this.#serviceTag })({
      addressManager: {
        getAddresses: () => this.#addresses(),
      } as MulticastDNSComponents['addressManager'],
      logger: { forComponent: () => this.#log() },
    })
    discovery.addEventListener('peer', ({ detail: { id, multiaddrs } }) => {
      const addresses = multiaddrs.map((address) => address.toString())
      this.#dependencies.found(id.toString() as NodeId, addresses)
    })
    await start(discovery)
    return discovery
  }

  #addresses(): Multiaddr[] {
    return this.#dependencies.addresses().map((address) => multiaddr(address))
  }

  /** The library tells only its log that it cannot send or listen. */
  #log(): Logger {
    const ignore = () => undefined
    const error = (_text: unknown, thrown?: unknown) => this.#failed(thrown)
    const newScope = () => this.#log()
    return Object.assign(() => undefined, { error, trace: ignore, newScope, enabled: false })
  }

  #failed(thrown: unknown): void {
    const error = asError(thrown)
    this.#dependencies.onFault({ type: 'multicast-failed', reason: reasonOf(error), error })
  }
}

/** At most 15 characters are allowed for the name of a service (RFC 6763). */
function serviceTagOf(topic: string): string {
  const digest = createHash('sha256').update(topic).digest('hex')
  return `_weir-${digest.slice(0, 8)}._udp.local`
}
