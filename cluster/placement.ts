import type { NodeId } from '../crdt/node-id.ts'
import { ringPointsOf } from './ring-points.ts'

/**
 * Which node owns a key: consistent hashing (Karger et al. 1997) on a ring of 2^32 positions.
 *
 * The ring's points come from `hashring` (ketama); keys come as the high word of their own keyed hash, so
 * no key that a client chose ever reaches that package. A placement is immutable: a change of members is a
 * new one. Equal members give an equal placement on every node, whatever order they came in.
 */

/** The ring is searched within one of 2^12 equal parts: with ten nodes, among two or three points. */
const PART_BITS = 20
const PARTS = 2 ** 12

export class Placement {
  /** Fingerprint of the members: nodes with equal views place every key alike. 0 for nobody. */
  readonly view: number
  readonly members: readonly NodeId[]
  #drawn: DrawnRing | undefined

  constructor(members: Iterable<NodeId>) {
    this.members = [...new Set(members)].sort()
    this.view = this.members.reduce((sum, member) => (sum + memberMark(member)) >>> 0, 0)
  }

  has(member: NodeId): boolean {
    return this.members.includes(member)
  }

  /** The owner of a key; undefined while the ring is empty. */
  owner(hashHi: number): NodeId | undefined {
    const ring = this.#ring()
    return this.members[ring.owners[pointAt(ring, hashHi)] as number]
  }

  /**
   * The first `count` distinct members from the key's position on: owner, first successor, second ... Those that
   * are `extra` are listed where they come, and not counted.
   */
  preference(hashHi: number, count: number, extra: readonly NodeId[] = NOBODY): NodeId[] {
    const ring = this.#ring()
    const { owners } = ring
    let wanted = Math.min(count, this.members.length)
    const list: NodeId[] = []
    const isListed = new Uint8Array(this.members.length)
    const start = pointAt(ring, hashHi)
    for (let step = 0; list.length < wanted && step < owners.length; step++) {
      const point = (start + step) % owners.length
      const member = owners[point] as number
      if (isListed[member] === 1) continue
      isListed[member] = 1
      const id = this.members[member] as NodeId
      list.push(id)
      if (extra.length > 0 && extra.includes(id)) wanted += 1
    }
    return list
  }

  /** Drawn for the first key: a ring that is replaced before anybody asks costs nothing. */
  #ring(): DrawnRing {
    this.#drawn ??= drawnRing(this.members)
    return this.#drawn
  }
}

/** All points in order of position; of points in one position, the one of the smaller id is first. */
interface DrawnRing {
  readonly members: readonly NodeId[]
  readonly positions: Uint32Array
  /** Of each point, the index of its member. */
  readonly owners: Uint16Array
  /** For each part, and for the end, the first point at or after its start. */
  readonly starts: Uint32Array
}

/**
 * The rings drawn last. A ring follows from its members alone, and nodes of one process, as in a simulation,
 * have the same; a ring that comes and goes, as members do, is not drawn anew each time.
 */
const drawnLately: DrawnRing[] = []
const RINGS_KEPT = 4

function drawnRing(members: readonly NodeId[]): DrawnRing {
  let nearest = EMPTY
  let fewest = members.length
  for (const ring of drawnLately) {
    const missing = placesOf(members, ring.members).filter((place) => place === ABSENT).length
    if (missing === 0 && ring.members.length === members.length) return ring
    if (missing >= fewest) continue
    nearest = ring
    fewest = missing
  }
  const ring = redraw(nearest, members)
  if (drawnLately.unshift(ring) > RINGS_KEPT) drawnLately.pop()
  return ring
}

/**
 * The ring of these members, out of one that may have most of their points in order already: those that are
 * new are sorted and merged in, those of other members are left out.
 */
function redraw(ring: DrawnRing, members: readonly NodeId[]): DrawnRing {
  const places = placesOf(ring.members, members)
  const added = pointsInOrder(members, placesOf(members, ring.members))
  const positions = new Uint32Array(ring.positions.length + added.length)
  const owners = new Uint16Array(positions.length)
  let [at, next] = [0, 0]
  const put = (point: number) => {
    positions[at] = point / OWNERS_MAX
    owners[at++] = point
  }
  for (let index = 0; index < ring.positions.length; index++) {
    const owner = places[ring.owners[index] as number] as number
    if (owner === ABSENT) continue
    const point = (ring.positions[index] as number) * OWNERS_MAX + owner
    while (next < added.length && (added[next] as number) < point) put(added[next++] as number)
    put(point)
  }
  while (next < added.length) put(added[next++] as number)
  const used = positions.slice(0, at)
  return { members, positions: used, owners: owners.slice(0, at), starts: startsOf(used) }
}

const ABSENT = -1

/** Of each of `some` its index `among` the others, or ABSENT. Both are in order. */
function placesOf(some: readonly NodeId[], among: readonly NodeId[]): Int32Array {
  let at = 0
  return Int32Array.from(some, (member) => {
    while (at < among.length && (among[at] as NodeId) < member) at += 1
    return among[at] === member ? at : ABSENT
  })
}

/** The first point at or after a position, around the ring. */
function pointAt({ positions, starts }: DrawnRing, position: number): number {
  const part = position >>> PART_BITS
  let low = starts[part] as number
  let high = starts[part + 1] as number
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((positions[middle] as number) < position) low = middle + 1
    else high = middle
  }
  return low === positions.length ? 0 : low
}

const NOBODY: readonly NodeId[] = []

/** The view of a ring without members. */
export const NO_RING = 0

/** Members that a placement can tell apart. */
const OWNERS_MAX = 2 ** 16

/**
 * The points of the members that are `ABSENT` from a ring, in order, each as `position · 2^16 + owner`, so
 * that numbers sort them.
 */
function pointsInOrder(members: readonly NodeId[], places: Int32Array): Float64Array {
  const lists = members.map((id, owner) => (places[owner] === ABSENT ? ringPointsOf(id) : NONE))
  const points = new Float64Array(lists.reduce((sum, list) => sum + list.length, 0))
  let at = 0
  lists.forEach((list, owner) => {
    for (const position of list) points[at++] = position * OWNERS_MAX + owner
  })
  return points.sort()
}

const NONE = new Uint32Array(0)

function startsOf(positions: Uint32Array): Uint32Array {
  const starts = new Uint32Array(PARTS + 1)
  let point = 0
  for (let part = 0; part < PARTS; part++) {
    while (point < positions.length && (positions[point] as number) >>> PART_BITS < part) point += 1
    starts[part] = point
  }
  starts[PARTS] = positions.length
  return starts
}

/**
 * What a member adds to the view: FNV-1a of its id, mixed by MurmurHash3's finaliser so that sums of marks
 * tell sets of members apart. A sum, so that one member more or less is one addition.
 */
export function memberMark(member: NodeId): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < member.length; at++) {
    hash = Math.imul(hash ^ member.charCodeAt(at), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

const EMPTY: DrawnRing = {
  members: [],
  positions: new Uint32Array(0),
  owners: new Uint16Array(0),
  starts: new Uint32Array(PARTS + 1),
}
