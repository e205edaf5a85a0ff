import { assertFrameFits } from '../cluster/frame-size.ts'
import type { Random } from '../cluster/random.ts'
import type { Transport, TransportListener } from '../cluster/transport.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { type Delay, Path } from './path.ts'
import { Schedule } from './schedule.ts'

/** Pause before a peer that refused is dialled again, in milliseconds. */
export const REDIAL_MS = 500

export interface NetworkOptions {
  readonly random: Random
  /** Of every path that is not given its own. */
  readonly delay: Delay
  /** Share of receivers, in [0, 1], that a broadcast does not reach. */
  readonly gossipLoss?: number
  /** Share of receivers, in [0, 1], that a broadcast reaches twice. */
  readonly gossipDuplicates?: number
}

/** Where a node of this network is reached. */
export function memoryAddress(id: NodeId): string {
  return `memory:${id}`
}

/**
 * The network of a simulation: hosts, paths between them, and virtual time. It does what `Transport`
 * promises and nothing more, as late and as unreliably as it is told to. Equal seeds and calls give equal
 * deliveries.
 *
 * Two ways to lose a peer, as in life. A *killed* process leaves a host that answers: links are reset and
 * later dials refused. A *cut* is silence: nothing arrives, nobody is told, streams stall until it heals.
 */
export class Network {
  readonly #random: Random
  readonly #delay: Delay
  readonly #gossipLoss: number
  readonly #gossipDuplicates: number
  readonly #schedule = new Schedule()
  readonly #hosts = new Map<NodeId, Endpoint>()
  readonly #paths = new Map<NodeId, Map<NodeId, Path>>()
  #nowMs = 0

  constructor(options: NetworkOptions) {
    this.#random = options.random
    this.#delay = options.delay
    this.#gossipLoss = options.gossipLoss ?? 0
    this.#gossipDuplicates = options.gossipDuplicates ?? 0
  }

  /** Starts a node: a new life, if there was one before. */
  transport(id: NodeId): Transport {
    if (this.#hosts.get(id)?.alive) throw new Error(`${id} is running already: kill it first`)
    const endpoint = new Endpoint(this, id)
    this.#hosts.set(id, endpoint)
    return endpoint
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** When the next thing happens; `Infinity` if nothing is under way. */
  nextAtMs(): number {
    return this.#schedule.nextAtMs()
  }

  /** Lets everything happen that is due. Time never goes back. */
  deliver(nowMs: number): void {
    while (this.#schedule.nextAtMs() <= nowMs) {
      const event = this.#schedule.take()
      this.#nowMs = event?.atMs ?? this.#nowMs
      event?.happen()
    }
    this.#nowMs = Math.max(this.#nowMs, nowMs)
  }

  /** Ends the process: its peers' links are reset, and who dials it is refused. */
  kill(id: NodeId): void {
    this.#hosts.get(id)?.die()
  }

  /** Nothing passes between the two any more, in either direction. */
  cut(a: NodeId, b: NodeId): void {
    this.cutOneWay(a, b)
    this.cutOneWay(b, a)
  }

  cutOneWay(from: NodeId, to: NodeId): void {
    this.#path(from, to).cut()
  }

  /** Cuts a host off from every other one there is. */
  silence(id: NodeId): void {
    for (const other of this.#hosts.keys()) if (other !== id) this.cut(id, other)
  }

  heal(a: NodeId, b: NodeId): void {
    this.#heal(this.#path(a, b))
    this.#heal(this.#path(b, a))
  }

  healAll(): void {
    for (const paths of this.#paths.values()) for (const path of paths.values()) this.#heal(path)
  }

  setDelay(from: NodeId, to: NodeId, delay: Delay): void {
    this.#path(from, to).delay = delay
  }

  // What follows is the network's side of its endpoints.

  host(id: NodeId): Endpoint | undefined {
    return this.#hosts.get(id)
  }

  plan(afterMs: number, happen: () => void): void {
    this.#schedule.plan(this.#nowMs + afterMs, happen)
  }

  /** One packet, in order with all others between the two. */
  carry(from: NodeId, to: NodeId, packet: () => void): void {
    const path = this.#path(from, to)
    path.enqueue(packet)
    this.#announce(path)
  }

  /**
   * A broadcast reaches whoever is connected to its author by links, over however many relays, each of
   * which costs its delay. What is under way when the last path is cut is lost.
   */
  spread(author: Endpoint, frame: Uint8Array): void {
    const afterMs = new Map<Endpoint, number>([[author, 0]])
    // The map grows while it is walked: breadth first, so that the first way found has the fewest hops.
    for (const [relay, relayAfterMs] of afterMs) {
      for (const receiver of relay.linkedEndpoints()) {
        const path = this.#path(relay.self, receiver.self)
        if (afterMs.has(receiver) || !path.open) continue
        const arrivesAfterMs = relayAfterMs + this.#drawMs(path.delay)
        afterMs.set(receiver, arrivesAfterMs)
        if (this.#chance(this.#gossipLoss)) continue
        const copies = this.#chance(this.#gossipDuplicates) ? 2 : 1
        for (let copy = 0; copy < copies; copy++) {
          this.plan(arrivesAfterMs + copy * this.#drawMs(path.delay), () => {
            if (path.open) receiver.hear(author.self, frame)
          })
        }
      }
      if (afterMs.size === this.#hosts.size) return
    }
  }

  #path(from: NodeId, to: NodeId): Path {
    let paths = this.#paths.get(from)
    if (paths === undefined) {
      paths = new Map()
      this.#paths.set(from, paths)
    }
    let path = paths.get(to)
    if (path === undefined) {
      path = new Path(this.#delay)
      paths.set(to, path)
    }
    return path
  }

  #announce(path: Path): void {
    path.lastArrivalMs = Math.max(path.lastArrivalMs, this.#nowMs + this.#drawMs(path.delay))
    this.#schedule.plan(path.lastArrivalMs, () => path.arrive())
  }

  #heal(path: Path): void {
    for (let owed = path.heal(); owed > 0; owed--) this.#announce(path)
  }

  #drawMs({ minMs, maxMs }: Delay): number {
    // Whole microseconds.
    return maxMs > minMs ? minMs + this.#random.below((maxMs - minMs) * 1_000 + 1) / 1_000 : minMs
  }

  #chance(share: number): boolean {
    return share > 0 && this.#random.below(1_000_000) < share * 1_000_000
  }
}

/** One connection. Its two ends open and close at different times. */
interface Link {
  readonly dialler: Endpoint
  readonly acceptor: Endpoint
}

/**
 * One life of one node. A link opens by a handshake of three packets and is open at an end when that end
 * knows that the other can hear it. Like TCP, a packet for a link that its receiver does not have is
 * answered by a reset; so every way of losing one ends with both sides knowing.
 */
class Endpoint implements Transport {
  readonly self: NodeId
  alive = true
  readonly #network: Network
  readonly #known = new Map<NodeId, readonly string[]>()
  readonly #links = new Map<NodeId, Link>()
  readonly #dialling = new Set<NodeId>()
  /** Peers that refused and will be dialled again. */
  readonly #pausing = new Set<NodeId>()
  #listener: TransportListener | undefined

  constructor(network: Network, self: NodeId) {
    this.#network = network
    this.self = self
  }

  attach(listener: TransportListener): void {
    if (this.#listener !== undefined) throw new Error('a transport has one listener')
    this.#listener = listener
  }

  broadcast(frame: Uint8Array): void {
    assertFrameFits(frame)
    if (this.alive) this.#network.spread(this, frame.slice())
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    assertFrameFits(frame)
    const link = this.#links.get(to)
    if (link === undefined) return false
    const sent = frame.slice()
    this.#network.carry(this.self, to, () => otherEnd(link, this).#receive(link, sent))
    return true
  }

  know(peer: NodeId, addresses: readonly string[]): void {
    if (peer === this.self || !this.alive) return
    const isNews = this.#known.get(peer)?.join() !== addresses.join()
    this.#known.set(peer, addresses)
    if (isNews) this.#network.plan(0, () => this.#dial(peer))
  }

  forget(peer: NodeId): void {
    this.#known.delete(peer)
    const link = this.#links.get(peer)
    if (link === undefined) return
    this.#links.delete(peer)
    this.#network.plan(0, () => this.#tell((listener) => listener.unlinked(peer)))
    this.#reset(link)
  }

  die(): void {
    if (!this.alive) return
    this.alive = false
    for (const link of this.#links.values()) this.#reset(link)
    this.#links.clear()
  }

  *linkedEndpoints(): Generator<Endpoint> {
    for (const link of this.#links.values()) {
      const peer = otherEnd(link, this)
      if (peer.#has(link)) yield peer
    }
  }

  hear(author: NodeId, frame: Uint8Array): void {
    this.#tell((listener) => listener.received(author, frame.slice()))
  }

  #dial(peer: NodeId): void {
    const isWanted = this.alive && this.#known.get(peer)?.includes(memoryAddress(peer)) === true
    if (!isWanted || this.#links.has(peer) || this.#dialling.has(peer)) return
    if (this.#network.host(peer) === undefined) return
    this.#dialling.add(peer)
    this.#network.carry(this.self, peer, () => this.#knock(peer))
  }

  /** The first packet has arrived at the peer's host. */
  #knock(peer: NodeId): void {
    const host = this.#network.host(peer)
    if (host?.alive !== true) {
      this.#network.carry(peer, this.self, () => this.#refused(peer))
    } else if (host.#links.has(this.self) || (host.#dialling.has(this.self) && peer < this.self)) {
      // Both dialled: one connection is enough, and the lower id's is the one.
      this.#dialling.delete(peer)
    } else {
      this.#network.carry(peer, this.self, () => this.#answered(host))
    }
  }

  #refused(peer: NodeId): void {
    this.#dialling.delete(peer)
    if (this.#known.has(peer)) this.#tell((listener) => listener.refused(peer))
    if (this.#pausing.has(peer)) return
    this.#pausing.add(peer)
    this.#network.plan(REDIAL_MS, () => {
      this.#pausing.delete(peer)
      this.#dial(peer)
    })
  }

  /** The second packet has arrived: the peer can be heard. The third one opens the link at its end. */
  #answered(acceptor: Endpoint): void {
    const peer = acceptor.self
    this.#dialling.delete(peer)
    if (!this.alive || !this.#known.has(peer) || this.#links.has(peer)) return
    const link: Link = { dialler: this, acceptor }
    this.#open(link)
    this.#network.carry(this.self, peer, () => {
      if (acceptor.alive && !acceptor.#links.has(this.self)) acceptor.#open(link)
      else acceptor.#reset(link)
    })
  }

  #open(link: Link): void {
    const peer = otherEnd(link, this).self
    this.#links.set(peer, link)
    this.#tell((listener) => listener.linked(peer))
  }

  #receive(link: Link, frame: Uint8Array): void {
    if (this.#has(link)) this.hear(otherEnd(link, this).self, frame)
    else this.#reset(link)
  }

  #reset(link: Link): void {
    const peer = otherEnd(link, this)
    this.#network.carry(this.self, peer.self, () => peer.#lose(link))
  }

  #lose(link: Link): void {
    if (!this.#has(link)) return
    const peer = otherEnd(link, this).self
    this.#links.delete(peer)
    this.#tell((listener) => listener.unlinked(peer))
    this.#dial(peer)
  }

  #has(link: Link): boolean {
    return this.#links.get(otherEnd(link, this).self) === link
  }

  #tell(event: (listener: TransportListener) => void): void {
    if (!this.alive) return
    if (this.#listener === undefined) throw new Error(`${this.self} has no listener attached`)
    event(this.#listener)
  }
}

function otherEnd(link: Link, end: Endpoint): Endpoint {
  return link.dialler === end ? link.acceptor : link.dialler
}
