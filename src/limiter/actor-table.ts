import type { Actor, NodeId } from '../../crdt/node-id.ts'

/** Actors whose counts are held at the same time. Beyond it, counts of further actors are not kept. */
export const ACTORS_MAX = 4_096

/** Index of the node's own actor. */
export const SELF = 0

/**
 * Small numbers for actors, so that a row names its writer in one word. A number is given back when no row
 * uses it any more: actors of dead incarnations vanish with their slices.
 */
export class ActorTable {
  readonly #actors: (Actor | undefined)[]
  readonly #tags: number[]
  readonly #rows: number[] = [1]
  /** Of each node, the numbers of its lives: most often one. */
  readonly #numbers = new Map<NodeId, number[]>()
  readonly #free: number[] = []
  /** Of what this node gave back, while any of it is remembered. */
  #credit: number | undefined

  constructor(self: Actor) {
    this.#actors = [self]
    this.#tags = [tagOf(nameOf(self))]
    this.#numbers.set(self.node, [SELF])
  }

  get self(): Actor {
    return this.of(SELF)
  }

  /** The number of an actor; given to it now if it is new; undefined when the table is full. */
  number(actor: Actor): number | undefined {
    const lives = this.#numbers.get(actor.node) ?? []
    for (const life of lives) if (isSame(this.of(life), actor)) return life
    const number = this.#free.pop() ?? this.#actors.length
    if (number >= ACTORS_MAX) return undefined
    this.#actors[number] = actor
    this.#tags[number] = tagOf(nameOf(actor))
    this.#rows[number] = 0
    this.#numbers.set(actor.node, [...lives, number])
    return number
  }

  /** The number of what this node gave back; undefined when the table is full. */
  credit(): number | undefined {
    this.#credit ??= this.number({ ...this.self, credit: true })
    return this.#credit
  }

  /** The same, if it has given anything back that is remembered. */
  get knownCredit(): number | undefined {
    return this.#credit
  }

  isCredit(number: number): boolean {
    return this.of(number).credit === true
  }

  of(number: number): Actor {
    const actor = this.#actors[number]
    if (actor === undefined) throw new Error(`no actor has the number ${number}`)
    return actor
  }

  /** What stands for the actor in digests; the same on every node. */
  tag(number: number): number {
    return this.#tags[number] as number
  }

  /** A row now belongs to the actor. */
  acquire(number: number): void {
    this.#rows[number] = (this.#rows[number] as number) + 1
  }

  /** A row of the actor is gone; with the last one goes its number. */
  release(number: number): void {
    const rows = (this.#rows[number] as number) - 1
    this.#rows[number] = rows
    if (rows > 0) return
    if (number === this.#credit) this.#credit = undefined
    const { node } = this.of(number)
    const lives = (this.#numbers.get(node) ?? []).filter((life) => life !== number)
    if (lives.length === 0) this.#numbers.delete(node)
    else this.#numbers.set(node, lives)
    this.#actors[number] = undefined
    this.#free.push(number)
  }
}

function nameOf({ node, incarnation, credit }: Actor): string {
  return `${node}#${incarnation}${credit === true ? '-' : ''}`
}

function isSame(a: Actor, b: Actor): boolean {
  return a.incarnation === b.incarnation && a.credit === b.credit
}

/** FNV-1a. */
function tagOf(name: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  }
  return hash >>> 0
}
