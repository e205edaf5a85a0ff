/**
 * What is under way, by ids that count up. A ring over the ids from the oldest that is still under way to the newest,
 * doubled when they no longer fit.
 *
 * A `Map` would do, but one whose entries come and go makes itself a new table again and again, and V8 lets each
 * table point to the next. Once a single one has outlived two collections of young objects, all that follow it do,
 * with everything that was under way in them, until the next collection of all. With 64 checks in flight that was
 * 2 kB of garbage for each check, and a tenth of the processor's time.
 */
export class InFlight<Item> {
  #slots = new Array<Item | undefined>(SLOTS_MIN).fill(undefined)
  /** Nothing below it is under way. */
  #oldest = 0
  /** Above all ids there were. */
  #next = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** `id` is above all before it. */
  add(id: number, item: Item): void {
    if (this.#size === 0) this.#oldest = id
    while (id - this.#oldest >= this.#slots.length) this.#grow()
    this.#slots[this.#slotOf(id)] = item
    this.#next = id + 1
    this.#size++
  }

  get(id: number): Item | undefined {
    return id >= this.#oldest && id < this.#next ? this.#slots[this.#slotOf(id)] : undefined
  }

  /** It is under way no longer. Undefined if it was not. */
  take(id: number): Item | undefined {
    const item = this.get(id)
    if (item === undefined) return undefined
    this.#slots[this.#slotOf(id)] = undefined
    this.#size--
    while (this.#oldest < this.#next && this.get(this.#oldest) === undefined) this.#oldest++
    return item
  }

  /** The oldest first. What is taken meanwhile is left out. */
  *[Symbol.iterator](): Generator<[id: number, item: Item]> {
    for (let id = this.#oldest; id < this.#next; id++) {
      const item = this.get(id)
      if (item !== undefined) yield [id, item]
    }
  }

  // The low bits of any whole number, however large: the length is a power of two.
  #slotOf(id: number): number {
    return id & (this.#slots.length - 1)
  }

  #grow(): void {
    const slots = new Array<Item | undefined>(2 * this.#slots.length).fill(undefined)
    for (let id = this.#oldest; id < this.#next; id++) slots[id & (slots.length - 1)] = this.get(id)
    this.#slots = slots
  }
}

const SLOTS_MIN = 64
