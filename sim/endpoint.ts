import { assertFrameFits } from '../cluster/frame-size.ts'
import type { Random } from '../cluster/random.ts'
import type { Transport, TransportListener } from '../cluster/transport.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { Mesh } from './mesh.ts'
import type { Path } from './path.ts'

/** Pause before a peer that refused is dialled again, in milliseconds. */
export const REDIAL_MS = 500

/** Where a node of this network is reached. */
export function memoryAddress(id: NodeId): string {
  return `memory:${id}`
}

/** Frames of the transport that a node has sent or received; every copy of a broadcast is one. */
export interface Traffic {
  readonly messages: number
  readonly bytes: number
}

/** Counts frames. */
export class TrafficMeter implements Traffic {
  messages = 0
  bytes = 0

  count(bytes: number): void {
    this.messages += 1
    this.bytes += bytes
  }
}

/** The network as its endpoints see it. */
export interface Fabric {
  readonly nowMs: number
  readonly fanout: number
  readonly random: Random
  host(id: NodeId): Endpoint | undefined
  path(from: NodeId, to: NodeId): Path
  plan(afterMs: number, happen: () => void): void
  /** One packet, in order with all others on the path. */
  carry(path: Path, bytes: number, packet: () => void): void
  spread(author: Endpoint, frame: Uint8Array): void
}

/** Bytes of a packet that opens or resets a link: an empty TCP segment. */
const CONTROL_BYTES = 40

/** One connection. Its two ends open and close at different times. */
interface Link {
  readonly dialler: Endpoint
  readonly acceptor: Endpoint
  /** From the dialler to the acceptor, and back. */
  readonly there: Path
  readonly back: Path
}

/**
 * One life of one node. A link opens by a handshake of three packets and is open at an end when that end
 * knows that the other can hear it. Like TCP, a packet for a link that its receiver does not have is
 * answered by a reset; so every way of losing one ends with both sides knowing.
 */
export class Endpoint implements Transport {
  readonly self: NodeId
  alive = true
  /** Counts the endpoints of the network, from 0. */
  readonly number: number
  readonly mesh: Mesh<Endpoint>
  readonly sent: TrafficMeter
  readonly received: TrafficMeter
  readonly #fabric: Fabric
  readonly #known = new Map<NodeId, readonly string[]>()
  readonly #links = new Map<NodeId, Link>()
  readonly #dialling = new Set<NodeId>()
  /** Peers that refused and will be dialled again. */
  readonly #pausing = new Set<NodeId>()
  #listener: TransportListener | undefined
  #lastSent: Uint8Array = NO_FRAME

  constructor(
    fabric: Fabric,
    self: NodeId,
    number: number,
    traffic: { readonly sent: TrafficMeter; readonly received: TrafficMeter },
  ) {
    this.#fabric = fabric
    this.self = self
    this.number = number
    this.sent = traffic.sent
    this.received = traffic.received
    this.mesh = new Mesh<Endpoint>(this, fabric.fanout, fabric.random, {
      all: () => this.#reachable(),
      atMost: () => this.#links.size,
      pathTo: (peer) => this.#pathTo(peer),
      isMutual: (peer) => peer.#pathTo(this) !== undefined,
    })
  }

  attach(listener: TransportListener): void {
    if (this.#listener !== undefined) throw new Error('a transport has one listener')
    this.#listener = listener
  }

  broadcast(frame: Uint8Array): void {
    assertFrameFits(frame)
    if (this.alive) this.#fabric.spread(this, frame.slice())
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    assertFrameFits(frame)
    const link = this.#links.get(to)
    if (link === undefined) return false
    const copy = this.#copyOf(frame)
    this.sent.count(copy.length)
    const peer = otherEnd(link, this)
    this.#fabric.carry(pathFrom(link, this), copy.length, () => peer.#receive(link, copy))
    return true
  }

  /** The sender may use its buffer again. Of the same frame to one peer after the other one copy is enough. */
  #copyOf(frame: Uint8Array): Uint8Array {
    if (!isSame(frame, this.#lastSent)) this.#lastSent = frame.slice()
    return this.#lastSent
  }

  know(peer: NodeId, addresses: readonly string[]): void {
    if (peer === this.self || !this.alive) return
    const known = this.#known.get(peer)
    this.#known.set(peer, addresses)
    const isNews = known === undefined || known.join() !== addresses.join()
    if (isNews) this.#fabric.plan(0, () => this.#dial(peer))
  }

  forget(peer: NodeId): void {
    this.#known.delete(peer)
    const link = this.#links.get(peer)
    if (link === undefined) return
    this.#close(link)
    this.#fabric.plan(0, () => this.#tell((listener) => listener.unlinked(peer)))
    this.#reset(link)
  }

  die(): void {
    if (!this.alive) return
    this.alive = false
    this.mesh.leave()
    for (const link of [...this.#links.values()]) {
      this.#reset(link)
      this.#close(link)
    }
  }

  /** The open path to a peer whose link is open at both ends. */
  #pathTo(peer: Endpoint): Path | undefined {
    const link = this.#links.get(peer.self)
    if (link === undefined || otherEnd(link, this) !== peer || !peer.#has(link)) return undefined
    const path = pathFrom(link, this)
    return path.open ? path : undefined
  }

  /** A broadcast arrives. */
  hear(author: NodeId, frame: Uint8Array): void {
    if (this.alive) this.#heard().received(author, frame)
  }

  *#reachable(): Generator<Endpoint> {
    for (const link of this.#links.values()) {
      const peer = otherEnd(link, this)
      if (peer.#has(link) && pathFrom(link, this).open) yield peer
    }
  }

  #dial(peer: NodeId): void {
    const isWanted = this.alive && this.#known.get(peer)?.includes(memoryAddress(peer)) === true
    if (!isWanted || this.#links.has(peer) || this.#dialling.has(peer)) return
    if (this.#fabric.host(peer) === undefined) return
    this.#dialling.add(peer)
    this.#signal(this.self, peer, () => this.#knock(peer))
  }

  /** The first packet has arrived at the peer's host. */
  #knock(peer: NodeId): void {
    const host = this.#fabric.host(peer)
    if (host?.alive !== true) {
      this.#signal(peer, this.self, () => this.#refused(peer))
    } else if (host.#links.has(this.self) || (host.#dialling.has(this.self) && peer < this.self)) {
      // Both dialled: one connection is enough, and the lower id's is the one.
      this.#dialling.delete(peer)
    } else {
      this.#signal(peer, this.self, () => this.#answered(host))
    }
  }

  #refused(peer: NodeId): void {
    this.#dialling.delete(peer)
    if (this.#known.has(peer)) this.#tell((listener) => listener.refused(peer))
    if (this.#pausing.has(peer)) return
    this.#pausing.add(peer)
    this.#fabric.plan(REDIAL_MS, () => {
      this.#pausing.delete(peer)
      this.#dial(peer)
    })
  }

  /** The second packet has arrived: the peer can be heard. The third one opens the link at its end. */
  #answered(acceptor: Endpoint): void {
    const peer = acceptor.self
    this.#dialling.delete(peer)
    if (!this.alive || !this.#known.has(peer) || this.#links.has(peer)) return
    const there = this.#fabric.path(this.self, peer)
    const back = this.#fabric.path(peer, this.self)
    const link: Link = { dialler: this, acceptor, there, back }
    this.#open(link)
    this.#fabric.carry(there, CONTROL_BYTES, () => {
      if (acceptor.alive && !acceptor.#links.has(this.self)) acceptor.#open(link)
      else acceptor.#reset(link)
    })
  }

  #signal(from: NodeId, to: NodeId, packet: () => void): void {
    this.#fabric.carry(this.#fabric.path(from, to), CONTROL_BYTES, packet)
  }

  #open(link: Link): void {
    const peer = otherEnd(link, this)
    this.#links.set(peer.self, link)
    this.mesh.changed()
    peer.mesh.changed()
    this.#tell((listener) => listener.linked(peer.self))
  }

  #close(link: Link): void {
    const peer = otherEnd(link, this)
    this.#links.delete(peer.self)
    this.mesh.changed()
    peer.mesh.changed()
  }

  #receive(link: Link, frame: Uint8Array): void {
    if (!this.#has(link)) {
      this.#reset(link)
      return
    }
    this.received.count(frame.length)
    this.hear(otherEnd(link, this).self, frame)
  }

  #reset(link: Link): void {
    const peer = otherEnd(link, this)
    this.#fabric.carry(pathFrom(link, this), CONTROL_BYTES, () => peer.#lose(link))
  }

  #lose(link: Link): void {
    if (!this.#has(link)) return
    const peer = otherEnd(link, this).self
    this.#close(link)
    this.#tell((listener) => listener.unlinked(peer))
    this.#dial(peer)
  }

  #has(link: Link): boolean {
    return this.#links.get(otherEnd(link, this).self) === link
  }

  #tell(event: (listener: TransportListener) => void): void {
    if (this.alive) event(this.#heard())
  }

  #heard(): TransportListener {
    if (this.#listener === undefined) throw new Error(`${this.self} has no listener attached`)
    return this.#listener
  }
}

const NO_FRAME = new Uint8Array(0)

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}

function otherEnd(link: Link, end: Endpoint): Endpoint {
  return link.dialler === end ? link.acceptor : link.dialler
}

function pathFrom(link: Link, end: Endpoint): Path {
  return link.dialler === end ? link.there : link.back
}
