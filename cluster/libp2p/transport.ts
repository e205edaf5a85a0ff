import './promise-with-resolvers.ts'
import type { Message, PrivateKey } from '@libp2p/interface'
import { compareNodeIds, type NodeId } from '../../crdt/node-id.ts'
import { assertFrameFits } from '../frame-size.ts'
import { FRAME_BYTES_MAX, MEMBER_ADDRESSES_MAX } from '../limits.ts'
import type { Discovery, Transport, TransportListener } from '../transport.ts'
import { createLibp2pNode, type Libp2pNode } from './create-libp2p.ts'
import { Dialler } from './dialler.ts'
import { Distrust } from './distrust.ts'
import { allowList, assertGuarded, isTrusted, listenFailure } from './entrance.ts'
import { asError, type OnFault, reasonOf } from './fault.ts'
import { ephemeralIdentity, loadOrCreateIdentity, nodeIdOf } from './identity.ts'
import {
  LOSS_YIELD_MS,
  REDIAL_YIELD_MS,
  RUBBISH_PAUSE_MS,
  SEEDS_MAX,
  STOP_CLOSE_MS,
  STOP_FLUSH_MS,
} from './limits.ts'
import { Links } from './links.ts'
import { Multicast } from './multicast.ts'
import { namesBy } from './names.ts'
import {
  formatPeerAddress,
  type PeerAddress,
  reachableAddresses,
  readPeerAddress,
  readPeerAddresses,
} from './peer-address.ts'
import { RedialLoop } from './redial.ts'
import { readSeedPlace, type SeedPlace } from './seed-place.ts'
import { Seeds } from './seeds.ts'

export interface Libp2pTransportOptions {
  /** Who this node is. Takes precedence over `identityFile`; with neither, it is somebody new at each start. */
  readonly privateKey?: PrivateKey
  /** Where the private key is kept; created at the first start. */
  readonly identityFile?: string
  /** The cluster's key file, byte for byte. Without it only loopback may be listened on. */
  readonly preSharedKey?: Uint8Array
  /** Where to accept peers, as multiaddrs or `host:port`. Port 0 lets the system choose. */
  readonly listen: readonly string[]
  /** What to tell peers instead of the listening addresses, for nodes behind a translated address. */
  readonly announce?: readonly string[]
  /** Names the cluster. Nodes of different topics never link. */
  readonly topic: string
  /** To how many peers a broadcast is relayed at each hop. More: fewer hops and losses, more traffic. */
  readonly fanout: number
  /** How often gossipsub mends its mesh and announces what it has relayed, in milliseconds. */
  readonly gossipIntervalMs: number
  /**
   * Where members may be found: multiaddrs with or without `/p2p/<id>`, `host:port`, `srv:` and a name that has
   * SRV records, or `mdns` for the local network.
   */
  readonly seeds: readonly string[]
  /** Name servers to ask instead of the system's resolver, as `ip:port`. */
  readonly nameServers?: readonly string[]
  /** How often names are looked up again, in milliseconds. Default `DISCOVERY_POLL_MS`. */
  readonly discoveryPollMs?: number
  /** If given, only these may connect and be heard. */
  readonly allow?: readonly NodeId[]
  /** Told of everything that goes wrong without being fatal. Unlike the listener, it may be called at any time. */
  readonly onFault?: OnFault
}

/** The Transport port over libp2p: gossipsub for broadcasts, one stream per pair of peers for the rest. */
export interface Libp2pTransport extends Transport, Discovery {
  /** Full multiaddrs under which peers can reach this node, with real ports and `/p2p/<id>`. */
  readonly addresses: readonly string[]
  /** Writes what is queued, closes everything, and calls the listener no more. Takes at most about a second. */
  stop(): Promise<void>
}

/** Listens, and starts dialling once a listener is attached. Rejects when an option makes no sense. */
export async function createLibp2pTransport(
  options: Libp2pTransportOptions,
): Promise<Libp2pTransport> {
  const listen = options.listen.map(readPeerAddress)
  const announce = (options.announce ?? []).map(readPeerAddress)
  const seeds = readSeedPlaces(options.seeds)
  assertGuarded(listen, options.preSharedKey)
  const privateKey = await identityOf(options)
  const self = nodeIdOf(privateKey)
  const onFault = options.onFault ?? (() => undefined)
  const isAllowed = allowList(self, options.allow, onFault)
  const distrust = new Distrust()
  const node = await createLibp2pNode({
    privateKey,
    preSharedKey: options.preSharedKey,
    listen: listen.map(formatPeerAddress),
    topic: options.topic,
    fanout: options.fanout,
    gossipIntervalMs: options.gossipIntervalMs,
    isAllowed: (peer) => isAllowed(peer) && isTrusted(peer, distrust, onFault),
  })
  const adapter = new Libp2pAdapter(
    { node, self, isAllowed, distrust, onFault },
    { ...options, announce, seeds },
  )
  await adapter.start().catch((thrown) => {
    throw listenFailure(thrown, listen)
  })
  return adapter
}

function readSeedPlaces(seeds: readonly string[]): readonly SeedPlace[] {
  if (seeds.length <= SEEDS_MAX) return seeds.map(readSeedPlace)
  throw new Error(`there are ${seeds.length} seeds: give ${SEEDS_MAX} at most, or a name for them`)
}

function identityOf(options: Libp2pTransportOptions): Promise<PrivateKey> | PrivateKey {
  if (options.privateKey !== undefined) return options.privateKey
  if (options.identityFile !== undefined) return loadOrCreateIdentity(options.identityFile)
  return ephemeralIdentity()
}

interface KnownPeer {
  /** As told, to see whether anything is new. */
  readonly told: readonly string[]
  readonly addresses: readonly PeerAddress[]
}

class Libp2pAdapter implements Libp2pTransport {
  readonly self: NodeId
  readonly #node: Libp2pNode
  readonly #isAllowed: (peer: NodeId) => boolean
  readonly #distrust: Distrust
  readonly #onFault: OnFault
  readonly #topic: string
  readonly #announce: readonly PeerAddress[]
  readonly #links: Links
  readonly #dialler: Dialler
  readonly #redial: RedialLoop
  readonly #multicast: Multicast
  readonly #seeds: Seeds
  readonly #firstSeeds: readonly SeedPlace[]
  readonly #known = new Map<NodeId, KnownPeer>()
  /** Broadcasts that are being signed. */
  readonly #publishing = new Set<Promise<unknown>>()
  #listener: TransportListener | undefined
  #stopped: Promise<void> | undefined

  constructor(
    dependencies: {
      readonly node: Libp2pNode
      readonly self: NodeId
      readonly isAllowed: (peer: NodeId) => boolean
      readonly distrust: Distrust
      readonly onFault: OnFault
    },
    options: Pick<Libp2pTransportOptions, 'topic' | 'nameServers' | 'discoveryPollMs'> & {
      readonly announce: readonly PeerAddress[]
      readonly seeds: readonly SeedPlace[]
    },
  ) {
    const { node, self, isAllowed, distrust, onFault } = dependencies
    this.self = self
    this.#node = node
    this.#isAllowed = isAllowed
    this.#distrust = distrust
    this.#onFault = onFault
    this.#topic = options.topic
    this.#announce = options.announce
    this.#links = new Links(
      { node, self, onFault },
      {
        protocol: `/weir/frames/1/${options.topic}`,
        events: {
          linked: (peer) => this.#tell((listener) => listener.linked(peer)),
          received: (peer, frame) => this.#tell((listener) => listener.received(peer, frame)),
          oversize: (peer) => this.#tell((listener) => listener.oversize?.(peer)),
          unlinked: (peer) => this.#unlinked(peer),
        },
      },
    )
    this.#dialler = new Dialler(node, namesBy(options.nameServers), onFault)
    this.#redial = new RedialLoop((thrown) => {
      const error = asError(thrown)
      onFault({ type: 'internal', reason: reasonOf(error), error })
    }, options.discoveryPollMs)
    this.#multicast = new Multicast(options.topic, {
      addresses: () => this.addresses,
      found: (peer, addresses) => this.#discovered(peer, addresses),
      onFault,
    })
    this.#firstSeeds = options.seeds
    this.#seeds = new Seeds({
      dialler: this.#dialler,
      redial: this.#redial,
      multicast: this.#multicast,
      isLinked: (peer) => this.#links.has(peer),
      linkedAt: (ip) => this.#linkedAt(ip),
      onFault,
    })
  }

  async start(): Promise<void> {
    await this.#links.register()
    const { pubsub } = this.#node.services
    pubsub.addEventListener('message', ({ detail: message }) => this.#gossip(message))
    await this.#node.start()
    pubsub.subscribe(this.#topic)
  }

  get addresses(): readonly string[] {
    const listening = this.#node.services.listening.addresses()
    const addresses =
      this.#announce.length > 0
        ? this.#announce
        : reachableAddresses(listening.map((address) => readPeerAddress(address.toString())))
    return addresses
      .slice(0, MEMBER_ADDRESSES_MAX)
      .map((address) => formatPeerAddress({ ...address, peer: this.self }))
  }

  attach(listener: TransportListener): void {
    if (this.#listener !== undefined) throw new Error('a transport has one listener')
    this.#listener = listener
    this.#links.admit()
    for (const place of this.#firstSeeds) this.#seeds.add(place)
  }

  broadcast(frame: Uint8Array): void {
    assertFrameFits(frame)
    if (this.#stopped !== undefined) return
    // Signing takes a while; the caller may reuse its buffer in the meantime.
    const published = this.#node.services.pubsub
      .publish(this.#topic, frame.slice())
      .catch((thrown) => {
        const error = asError(thrown)
        this.#onFault({ type: 'publish-failed', reason: reasonOf(error), error })
      })
      .finally(() => this.#publishing.delete(published))
    this.#publishing.add(published)
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    assertFrameFits(frame)
    return this.#links.send(to, frame)
  }

  know(peer: NodeId, addresses: readonly string[]): void {
    if (peer === this.self || this.#stopped !== undefined || !this.#isAllowed(peer)) return
    const known = this.#known.get(peer)
    const told = addresses.slice(0, MEMBER_ADDRESSES_MAX)
    // Members are mentioned again and again: that must not hurry the dialling of a dead one.
    if (known?.told.join() === told.join()) return
    this.#known.set(peer, { told, addresses: readPeerAddresses(peer, told, this.#onFault) })
    if (known === undefined) {
      this.#redial.keep(
        peer,
        (signal) => this.#reach(peer, signal),
        this.#yieldMs(peer, REDIAL_YIELD_MS),
      )
    } else {
      this.#redial.wake(peer, this.#yieldMs(peer, REDIAL_YIELD_MS))
    }
  }

  join(address: string): boolean {
    const place = readSeedPlace(address)
    return this.#stopped === undefined && this.#seeds.add(place)
  }

  forget(peer: NodeId): void {
    this.#known.delete(peer)
    this.#redial.release(peer)
    this.#links.drop(peer, 'this peer is forgotten')
  }

  distrust(peer: NodeId): boolean {
    this.#links.pause(peer, RUBBISH_PAUSE_MS)
    if (!this.#distrust.add(peer, performance.now())) return false
    // It stays known: when its time is over, it is dialled again as anybody is.
    this.#links.drop(peer, 'too many frames of this peer made no sense')
    return true
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#redial.stop()
    const silenced = this.#multicast.stop()
    await settledWithin(STOP_FLUSH_MS, Promise.all([this.#links.finish(), ...this.#publishing]))
    this.#links.abort()
    stopHeartbeat(this.#node.services.pubsub)
    // A timer of libp2p's address book may outlive this by a second; it holds nothing but the process.
    // No unsubscribing: peers would keep this node out of the mesh for a while when it comes back.
    await settledWithin(STOP_CLOSE_MS, Promise.allSettled([this.#node.stop(), silenced]))
  }

  async #reach(peer: NodeId, signal: AbortSignal): Promise<'resting' | 'again'> {
    const known = this.#known.get(peer)
    if (known === undefined || this.#links.has(peer)) return 'resting'
    const outcome = await this.#dialler.reach(peer, known.addresses, signal)
    // Peers dial us, too: a link that came in the meantime is a proof of life.
    if (outcome === 'refused' && !signal.aborted && !this.#links.has(peer)) {
      this.#tell((listener) => listener.refused(peer))
    }
    return 'again'
  }

  /** Found on the local network, where it is found again and again: one attempt at a time is enough. */
  #discovered(peer: NodeId, addresses: readonly string[]): void {
    const key = `multicast ${peer}`
    if (peer === this.self || this.#stopped !== undefined || this.#redial.has(key)) return
    if (this.#links.has(peer) || this.#known.has(peer) || !this.#isAllowed(peer)) return
    const read = readPeerAddresses(peer, addresses, this.#onFault)
    const attempt = async (signal: AbortSignal) => {
      if (!this.#links.has(peer)) await this.#dialler.reach(peer, read, signal)
      this.#redial.release(key)
      return 'resting' as const
    }
    this.#redial.keep(key, attempt, this.#yieldMs(peer, REDIAL_YIELD_MS))
  }

  #linkedAt(ip: string): NodeId | undefined {
    for (const [peer, { addresses }] of this.#known) {
      if (!this.#links.has(peer)) continue
      const at = addresses.map((address) => formatPeerAddress({ ...address, peer: undefined }))
      if (at.includes(ip)) return peer
    }
    return undefined
  }

  #unlinked(peer: NodeId): void {
    this.#tell((listener) => listener.unlinked(peer))
    this.#redial.wake(peer, this.#yieldMs(peer, LOSS_YIELD_MS))
    // After the peer's own addresses have been tried: a seed may be the same address.
    this.#seeds.lost(peer, REDIAL_YIELD_MS)
  }

  #yieldMs(peer: NodeId, yieldMs: number): number {
    return compareNodeIds(this.self, peer) < 0 ? 0 : yieldMs
  }

  #gossip(message: Message): void {
    // Unsigned messages are dropped by gossipsub already; the type does not know it.
    if (message.topic !== this.#topic || message.type !== 'signed') return
    const author = message.from.toString() as NodeId
    if (author === this.self || !this.#isAllowed(author)) return
    if (this.#distrust.isOut(author, performance.now())) return
    if (message.data.byteLength > FRAME_BYTES_MAX) {
      this.#onFault({ type: 'oversize-frame', peer: author, bytes: message.data.byteLength })
      this.#tell((listener) => listener.oversize?.(author))
      return
    }
    this.#tell((listener) => listener.received(author, message.data))
  }

  #tell(event: (listener: TransportListener) => void): void {
    if (this.#listener === undefined || this.#stopped !== undefined) return
    try {
      event(this.#listener)
    } catch (error) {
      // A listener that throws is a bug of ours. It must surface as one, not pass for a broken link.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

/** Gossipsub forgets to clear its timer when it stops, which would keep a finished process alive. */
function stopHeartbeat(pubsub: unknown): void {
  const { status } = pubsub as { readonly status?: { readonly heartbeatTimeout?: NodeJS.Timeout } }
  clearTimeout(status?.heartbeatTimeout)
}

async function settledWithin(timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([promise, timeout])
  clearTimeout(timer)
}
