import type { NodeId } from '../crdt/node-id.ts'
import { RingPoints } from './ring-points.ts'

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
  readonly #positions: Uint32Array
  readonly #owners: Uint16Array
  /** For each part, and for the end, the first point at or after its start. */
  readonly #starts: Uint32Array

  constructor(members: Iterable<NodeId>, ringPoints = new RingPoints()) {
    this.members = [...new Set(members)].sort()
    this.view = fingerprint(this.members)
    const points = pointsInOrder(this.members, ringPoints)
    this.#positions = new Uint32Array(points.length)
    this.#owners = new Uint16Array(points.length)
    points.forEach((point, index) => {
      this.#positions[index] = point / OWNERS_MAX
      this.#owners[index] = point
    })
    this.#starts = startsOf(this.#positions)
  }

  has(member: NodeId): boolean {
    return this.members.includes(member)
  }

  /** The owner of a key; undefined while the ring is empty. */
  owner(hashHi: number): NodeId | undefined {
    return this.members[this.#owners[this.#pointAt(hashHi)] as number]
  }

  /** The first `count` distinct members from the key's position on: owner, first successor, second ... */
  preference(hashHi: number, count: number): NodeId[] {
    const wanted = Math.min(count, this.members.length)
    const list: NodeId[] = []
    const start = this.#pointAt(hashHi)
    for (let step = 0; list.length < wanted && step < this.#owners.length; step++) {
      const point = (start + step) % this.#owners.length
      const member = this.members[this.#owners[point] as number] as NodeId
      if (!list.includes(member)) list.push(member)
    }
    return list
  }

  /** The first point at or after a position, around the ring. */
  #pointAt(position: number): number {
    const part = position >>> PART_BITS
    let low = this.#starts[part] as number
    let high = this.#starts[part + 1] as number
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#positions[middle] as number) < position) low = middle + 1
      else high = middle
    }
    return low === this.#positions.length ? 0 : low
  }
}

/** Members that a placement can tell apart. */
const OWNERS_MAX = 2 ** 16

/**
 * All points in order, each as `position · 2^16 + owner`, so that numbers sort them: by position, and ties
 * by the smaller id, so that order of insertion never shows.
 */
function pointsInOrder(members: readonly NodeId[], ringPoints: RingPoints): Float64Array {
  const lists = members.map((id) => ringPoints.of(id))
  const points = new Float64Array(lists.reduce((sum, list) => sum + list.length, 0))
  let at = 0
  lists.forEach((list, owner) => {
    for (const position of list) points[at++] = position * OWNERS_MAX + owner
  })
  return points.sort()
}

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

/** FNV-1a over the sorted ids. */
function fingerprint(members: readonly NodeId[]): number {
  let hash = 0x811c9dc5
  for (const character of members.join('\n')) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  }
  return members.length === 0 ? 0 : hash >>> 0
}
