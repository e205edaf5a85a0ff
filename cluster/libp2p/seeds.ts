import type { NodeId } from '../../crdt/node-id.ts'
import type { Dialler } from './dialler.ts'
import type { OnFault } from './fault.ts'
import { SEEDS_MAX } from './limits.ts'
import type { Multicast } from './multicast.ts'
import type { Outcome, RedialLoop } from './redial.ts'
import { formatSeedPlace, isChanging, type SeedPlace } from './seed-place.ts'

type DiallablePlace = Exclude<SeedPlace, { readonly type: 'multicast' }>

/** A place where members may be found. */
interface Seed {
  readonly key: string
  readonly place: DiallablePlace
  /** Who was found last, by the IP address that it was found at. */
  readonly found: Map<string, NodeId>
  /** IP addresses at which this node answered itself. */
  readonly own: Set<string>
}

export interface SeedsDependencies {
  readonly dialler: Dialler
  readonly redial: RedialLoop
  readonly multicast: Multicast
  readonly isLinked: (peer: NodeId) => boolean
  /** The linked peer that says it listens at this IP address, given as a multiaddr without its id. */
  readonly linkedAt: (ip: string) => NodeId | undefined
  readonly onFault: OnFault
}

/**
 * Finds members. An address is dialled until somebody found there is linked, and again when that link is
 * lost. A name stands for all its addresses, and is looked up again and again even while somebody of it is
 * linked: whoever is at an address where no linked peer is known is dialled, so that those who come later are
 * found, and the halves of a cluster that started apart find each other.
 */
export class Seeds {
  readonly #dependencies: SeedsDependencies
  readonly #seeds = new Map<string, Seed>()

  constructor(dependencies: SeedsDependencies) {
    this.#dependencies = dependencies
  }

  /** From now on, look here, too. Returns false when there is no room for one more. */
  add(place: SeedPlace): boolean {
    if (place.type === 'multicast') {
      this.#dependencies.multicast.ask()
      return true
    }
    const key = `seed ${formatSeedPlace(place)}`
    if (this.#seeds.has(key)) return true
    if (this.#seeds.size >= SEEDS_MAX) return false
    const seed: Seed = { key, place, found: new Map(), own: new Set() }
    this.#seeds.set(key, seed)
    this.#dependencies.redial.keep(key, (signal) => this.#attempt(seed, signal), 0)
    return true
  }

  /** The link to this peer is gone: somebody, perhaps somebody else, may soon be where it was found. */
  lost(peer: NodeId, afterMs: number): void {
    const { redial } = this.#dependencies
    for (const { key, found } of this.#seeds.values()) {
      if ([...found.values()].includes(peer)) redial.wake(key, afterMs)
    }
  }

  async #attempt(seed: Seed, signal: AbortSignal): Promise<Outcome> {
    const { place, own } = seed
    const mayFindMore = isChanging(place)
    if (!mayFindMore && this.#isReached(seed)) return 'resting'
    const resolved = await this.#resolve(place)
    if (resolved.length > 0) keepOnly(resolved, seed.found)
    for (const ip of shuffled(resolved)) {
      if (signal.aborted) return 'resting'
      if (!own.has(ip)) await this.#dial(seed, ip, signal)
    }
    if (mayFindMore) return this.#isReached(seed) ? 'later' : 'again'
    // A name may come to stand for others; an IP address that is this node's will stay so.
    return resolved.length > 0 && resolved.every((ip) => own.has(ip)) ? 'resting' : 'again'
  }

  #isReached({ place, found }: Seed): boolean {
    const { isLinked } = this.#dependencies
    const peer = place.type === 'address' ? place.address.peer : undefined
    return peer === undefined ? [...found.values()].some(isLinked) : isLinked(peer)
  }

  #resolve(place: DiallablePlace): Promise<readonly string[]> {
    const { dialler } = this.#dependencies
    if (place.type === 'address') return dialler.resolve(place.address)
    return dialler.resolveService(place.name)
  }

  async #dial({ place, found, own }: Seed, ip: string, signal: AbortSignal): Promise<void> {
    const { dialler, isLinked, linkedAt, onFault } = this.#dependencies
    const known = found.get(ip)
    if (known !== undefined && isLinked(known)) return
    const linked = linkedAt(ip)
    if (linked !== undefined) {
      found.set(ip, linked)
      return
    }
    const peer = place.type === 'address' ? place.address.peer : undefined
    const outcome = await dialler.dial(ip, peer, signal)
    if (outcome.type === 'connected') found.set(ip, outcome.peer)
    if (outcome.type === 'self') {
      own.add(ip)
      onFault({ type: 'self-dialled', address: ip })
    }
  }
}

function keepOnly(ips: readonly string[], found: Map<string, NodeId>): void {
  for (const ip of found.keys()) if (!ips.includes(ip)) found.delete(ip)
}

/** Not all nodes are to dial the first address of a name first. */
function shuffled<Item>(items: readonly Item[]): Item[] {
  const placed = items.map((item) => ({ item, at: Math.random() }))
  return placed.sort((a, b) => a.at - b.at).map(({ item }) => item)
}
