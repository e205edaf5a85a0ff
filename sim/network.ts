import type { Random } from '../cluster/random.ts'
import type { Transport } from '../cluster/transport.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { Endpoint, type Fabric, type Traffic, TrafficMeter } from './endpoint.ts'
import { chance, type Delay, drawMs, Path } from './path.ts'
import { Schedule } from './schedule.ts'

export { memoryAddress, REDIAL_MS } from './endpoint.ts'

/** Mesh degree of broadcasts where nothing else is said: production's. */
const FANOUT = 3

export interface NetworkOptions {
  readonly random: Random
  /** Of every path that is not given its own. */
  readonly delay: Delay
  /** Bytes that a path carries in a millisecond; without, size costs no time. */
  readonly bytesPerMs?: number
  /**
   * To how many peers each node hands a broadcast on, at least and in the mean hardly more: gossipsub's mesh
   * degree, by default 3. A node with at most one link more uses them all.
   */
  readonly fanout?: number
  /**
   * Share of copies, in [0, 1], that are lost on one hop from relay to relay. As a node is handed as many
   * copies as the fanout, and hands on the first, losing some delays a broadcast rather than ending it.
   */
  readonly copyLoss?: number
  /**
   * Share of receivers, in [0, 1], that never hear a broadcast, whatever its copies do; they still hand it
   * on. Unlike `copyLoss` it means the same at any size and fanout.
   */
  readonly gossipLoss?: number
  /** Share of receivers, in [0, 1], that hear a broadcast twice. */
  readonly gossipDuplicates?: number
  /** Share of receivers, in [0, 1], that hear a broadcast later than it arrives, and so out of order. */
  readonly gossipLate?: { readonly share: number; readonly delay: Delay }
}

/** One broadcast on its way. */
interface Broadcast {
  readonly author: Endpoint
  readonly frame: Uint8Array
  /** When its earliest copy arrives, or did, by the endpoint's number; `Infinity` before any is sent. */
  readonly arrivesAtMs: Float64Array
}

/**
 * The network of a simulation: hosts, paths between them, and virtual time. It does what `Transport`
 * promises and nothing more, as late and as unreliably as it is told to. Equal seeds and calls give equal
 * deliveries.
 *
 * Two ways to lose a peer, as in life. A *killed* process leaves a host that answers: links are reset and
 * later dials refused. A *cut* is silence: nothing arrives, nobody is told, streams stall until it heals.
 */
export class Network implements Fabric {
  readonly random: Random
  readonly fanout: number
  readonly #options: NetworkOptions
  readonly #schedule = new Schedule()
  readonly #hosts = new Map<NodeId, Endpoint>()
  readonly #paths = new Map<NodeId, Map<NodeId, Path>>()
  readonly #traffic = new Map<NodeId, { sent: TrafficMeter; received: TrafficMeter }>()
  readonly #arrived = (path: Path) => this.#arrive(path)
  #endpoints = 0
  #nowMs = 0
  #events = 0

  constructor(options: NetworkOptions) {
    this.#options = options
    this.random = options.random
    this.fanout = options.fanout ?? FANOUT
  }

  /** Starts a node: a new life, if there was one before. */
  transport(id: NodeId): Transport {
    if (this.#hosts.get(id)?.alive) throw new Error(`${id} is running already: kill it first`)
    const endpoint = new Endpoint(this, id, this.#endpoints++, this.#meters(id))
    this.#hosts.set(id, endpoint)
    return endpoint
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Things that have happened: packets that arrived, and whatever else was planned. */
  get events(): number {
    return this.#events
  }

  /** What a node has sent and received in all its lives; of a broadcast, each copy on each hop. */
  traffic(id: NodeId): { readonly sent: Traffic; readonly received: Traffic } {
    return this.#meters(id)
  }

  /** When the next thing happens; `Infinity` if nothing is under way. */
  nextAtMs(): number {
    return this.#schedule.nextAtMs()
  }

  /** Lets everything happen that is due. Time never goes back. */
  deliver(nowMs: number): void {
    const schedule = this.#schedule
    for (let atMs = schedule.nextAtMs(); atMs <= nowMs; atMs = schedule.nextAtMs()) {
      this.#nowMs = atMs
      this.#events += 1
      schedule.take()?.()
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
    this.path(from, to).cut()
    this.#hosts.get(from)?.mesh.changed()
  }

  /** Cuts a host off from every other one there is. */
  silence(id: NodeId): void {
    for (const other of this.#hosts.keys()) if (other !== id) this.cut(id, other)
  }

  /** Back on the network; cuts that another fault made are mended too. */
  unsilence(id: NodeId): void {
    for (const other of this.#hosts.keys()) if (other !== id) this.heal(id, other)
  }

  heal(a: NodeId, b: NodeId): void {
    this.#heal(a, this.path(a, b))
    this.#heal(b, this.path(b, a))
  }

  healAll(): void {
    for (const [from, paths] of this.#paths) {
      for (const path of paths.values()) this.#heal(from, path)
    }
  }

  setDelay(from: NodeId, to: NodeId, delay: Delay): void {
    this.path(from, to).delay = delay
  }

  setBandwidth(from: NodeId, to: NodeId, bytesPerMs: number): void {
    this.path(from, to).bytesPerMs = bytesPerMs
  }

  /** Holds everything from one host to another for a while; then it arrives all at once. Nothing is lost. */
  clog(from: NodeId, to: NodeId, forMs: number): void {
    const path = this.path(from, to)
    path.cloggedUntilMs = Math.max(path.cloggedUntilMs, this.#nowMs + forMs)
  }

  plan(afterMs: number, happen: () => void): void {
    this.#schedule.plan(this.#nowMs + afterMs, happen)
  }

  // What follows is the network's side of its endpoints.

  host(id: NodeId): Endpoint | undefined {
    return this.#hosts.get(id)
  }

  path(from: NodeId, to: NodeId): Path {
    let paths = this.#paths.get(from)
    if (paths === undefined) {
      paths = new Map()
      this.#paths.set(from, paths)
    }
    let path = paths.get(to)
    if (path === undefined) {
      const { delay, bytesPerMs = Number.POSITIVE_INFINITY } = this.#options
      path = new Path(delay, bytesPerMs, this.#arrived)
      paths.set(to, path)
    }
    return path
  }

  carry(path: Path, bytes: number, packet: () => void): void {
    path.enqueue(packet)
    this.#announce(path, bytes)
  }

  /**
   * A broadcast reaches whoever is connected to its author by links, relayed at once from mesh peer to mesh
   * peer, each hop at the cost of its path. What is under way when a path is cut is lost.
   */
  spread(author: Endpoint, frame: Uint8Array): void {
    const arrivesAtMs = new Float64Array(this.#endpoints).fill(Number.POSITIVE_INFINITY)
    arrivesAtMs[author.number] = this.#nowMs
    this.#relay(author, { author, frame, arrivesAtMs })
  }

  /** Hands a copy to each mesh peer. One that will have it sooner from elsewhere ignores it. */
  #relay(relay: Endpoint, broadcast: Broadcast): void {
    const { frame, arrivesAtMs } = broadcast
    for (const { peer, path } of relay.mesh.hops(this.#nowMs)) {
      if (peer === broadcast.author) continue
      relay.sent.count(frame.length)
      if (chance(this.#options.copyLoss ?? 0, this.random)) continue
      peer.received.count(frame.length)
      const soonestMs = arrivesAtMs[peer.number] ?? 0
      if (soonestMs <= this.#nowMs) continue
      const atMs = path.arrivesAtMs(frame.length, this.#nowMs, this.random)
      if (atMs >= soonestMs) continue
      arrivesAtMs[peer.number] = atMs
      this.#schedule.plan(atMs, () => this.#land(peer, path, atMs, broadcast))
    }
  }

  /** A copy arrives: the first is heard and handed on. */
  #land(peer: Endpoint, path: Path, atMs: number, broadcast: Broadcast): void {
    const { arrivesAtMs } = broadcast
    if (arrivesAtMs[peer.number] !== atMs) return
    if (!path.open || !peer.alive) {
      arrivesAtMs[peer.number] = Number.POSITIVE_INFINITY
    } else if (path.cloggedUntilMs > this.#nowMs) {
      const laterMs = path.cloggedUntilMs
      arrivesAtMs[peer.number] = laterMs
      this.#schedule.plan(laterMs, () => this.#land(peer, path, laterMs, broadcast))
    } else {
      this.#relay(peer, broadcast)
      this.#hear(peer, path, broadcast)
    }
  }

  #hear(peer: Endpoint, path: Path, { author, frame }: Broadcast): void {
    const { gossipLoss = 0, gossipDuplicates = 0, gossipLate } = this.#options
    if (chance(gossipLoss, this.random)) return
    if (chance(gossipDuplicates, this.random)) {
      this.plan(drawMs(path.delay, this.random), () => {
        if (path.open) peer.hear(author.self, frame)
      })
    }
    if (gossipLate !== undefined && chance(gossipLate.share, this.random)) {
      this.plan(drawMs(gossipLate.delay, this.random), () => peer.hear(author.self, frame))
    } else {
      peer.hear(author.self, frame)
    }
  }

  #announce(path: Path, bytes: number): void {
    const atMs = path.arrivesInOrderAtMs(bytes, this.#nowMs, this.random)
    this.#schedule.plan(atMs, path.arrival)
  }

  #arrive(path: Path): void {
    if (path.cloggedUntilMs > this.#nowMs) this.#schedule.plan(path.cloggedUntilMs, path.arrival)
    else path.arrive()
  }

  #heal(from: NodeId, path: Path): void {
    if (path.open) return
    for (let owed = path.heal(); owed > 0; owed--) this.#announce(path, 0)
    this.#hosts.get(from)?.mesh.changed()
  }

  #meters(id: NodeId): { readonly sent: TrafficMeter; readonly received: TrafficMeter } {
    let meters = this.#traffic.get(id)
    if (meters === undefined) {
      meters = { sent: new TrafficMeter(), received: new TrafficMeter() }
      this.#traffic.set(id, meters)
    }
    return meters
  }
}
