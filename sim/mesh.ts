import type { Random } from '../cluster/random.ts'
import type { Path } from './path.ts'

/** A mesh that has lost somebody is mended at once; what else has changed is looked at only this often. */
const MESH_HEARTBEAT_MS = 500

/** Somebody to hand broadcasts to, and the way there. */
export interface Hop<Peer> {
  readonly peer: Peer
  readonly path: Path
}

/** Who can be handed a broadcast directly, now: linked, and not cut off. */
export interface Reachable<Peer> {
  all(): Iterable<Peer>
  /** No fewer than there are in `all()`, found at once. */
  atMost(): number
  pathTo(peer: Peer): Path | undefined
  /** Of one that can be reached: whether it can reach this endpoint. */
  isMutual(peer: Peer): boolean
}

/**
 * To whom one endpoint hands on broadcasts, after gossipsub's mesh: few of its links, so that the cost of a
 * frame does not grow with their number, and enough of them that everybody is reached within O(log N) hops.
 *
 * Every endpoint has a random place on a circle, and picks whoever comes next of those it can reach; that
 * alone is one ring through all of them, so nobody is ever left out. (Whoever can hear but not speak would
 * break the ring, and is fed beside it.) Beyond it an endpoint picks others at random, until with those who
 * have picked it there are as many as the fanout. An edge serves both of its ends.
 */
export class Mesh<Peer extends { readonly mesh: Mesh<Peer> }> {
  /** Where on the circle this endpoint is; drawn when it is first asked for. */
  #place: number | undefined
  readonly #self: Peer
  readonly #fanout: number
  readonly #random: Random
  readonly #reachable: Reachable<Peer>
  #picks: readonly Peer[] = []
  /** Who has picked this endpoint. */
  readonly #pickers = new Set<Peer>()
  #hops: readonly Hop<Peer>[] = []
  #isStale = true
  /** Links have changed since the picks were drawn. */
  #isOutdated = true
  #drawnMs = Number.NEGATIVE_INFINITY

  constructor(self: Peer, fanout: number, random: Random, reachable: Reachable<Peer>) {
    this.#self = self
    this.#fanout = fanout
    this.#random = random
    this.#reachable = reachable
  }

  /** Some link, or some path, of this endpoint opened or closed. */
  changed(): void {
    this.#isStale = true
    this.#isOutdated = true
  }

  /** This endpoint is gone. */
  leave(): void {
    for (const peer of this.#picks) peer.mesh.#lose(this.#self)
    this.#picks = []
  }

  /** Whom this endpoint hands broadcasts on to. */
  hops(nowMs: number): readonly Hop<Peer>[] {
    if (!this.#isStale) return this.#hops
    if (this.#isOutdated && this.#mayDraw(nowMs)) this.#draw(nowMs)
    this.#isStale = this.#isOutdated
    const peers = new Set(this.#picks)
    for (const peer of this.#pickers) peers.add(peer)
    const hops: Hop<Peer>[] = []
    for (const peer of peers) {
      const path = this.#reachable.pathTo(peer)
      if (path !== undefined) hops.push({ peer, path })
    }
    this.#hops = hops
    return hops
  }

  #reaches(peer: Peer): boolean {
    return this.#reachable.pathTo(peer) !== undefined
  }

  #mayDraw(nowMs: number): boolean {
    if (nowMs >= this.#drawnMs + MESH_HEARTBEAT_MS || this.#picks.length === 0) return true
    return this.#isEverybody() || !this.#picks.every((peer) => this.#reaches(peer))
  }

  /** With so few links a mesh has all of them. */
  #isEverybody(): boolean {
    return this.#reachable.atMost() <= this.#fanout + 1
  }

  #draw(nowMs: number): void {
    this.#isOutdated = false
    this.#drawnMs = nowMs
    const candidates = [...this.#reachable.all()]
    const few = candidates.length <= this.#fanout + 1
    const picks = few ? candidates : this.#pick(candidates)
    for (const peer of this.#picks) if (!picks.includes(peer)) peer.mesh.#lose(this.#self)
    for (const peer of picks) peer.mesh.#gain(this.#self)
    this.#picks = picks
  }

  #pick(candidates: readonly Peer[]): Peer[] {
    const picks = new Set<Peer>()
    for (const peer of [this.#next(candidates, true), this.#next(candidates, false)]) {
      if (peer !== undefined) picks.add(peer)
    }
    for (const peer of this.#picks) {
      if (picks.size < this.#fanout && this.#reaches(peer)) picks.add(peer)
    }
    const peers = new Set(picks)
    for (const peer of this.#pickers) if (this.#reaches(peer)) peers.add(peer)
    while (peers.size < this.#fanout) {
      const peer = candidates[this.#random.below(candidates.length)] as Peer
      picks.add(peer)
      peers.add(peer)
    }
    return [...picks]
  }

  /** Who comes next on the circle, of all or of those that can answer. */
  #next(candidates: readonly Peer[], mutual: boolean): Peer | undefined {
    let next: Peer | undefined
    for (const peer of candidates) {
      if (next !== undefined && this.#distance(peer) >= this.#distance(next)) continue
      if (!mutual || this.#reachable.isMutual(peer)) next = peer
    }
    return next
  }

  /** How far ahead on the circle a peer is. */
  #distance(peer: Peer): number {
    return (peer.mesh.#whereabouts() - this.#whereabouts()) >>> 0
  }

  #whereabouts(): number {
    this.#place ??= this.#random.below(2 ** 32)
    return this.#place
  }

  #gain(peer: Peer): void {
    if (this.#pickers.has(peer)) return
    this.#pickers.add(peer)
    this.#isStale = true
  }

  #lose(peer: Peer): void {
    if (this.#pickers.delete(peer)) this.changed()
  }
}
