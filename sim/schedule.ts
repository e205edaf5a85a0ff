/**
 * What will happen, in the order in which it will: by time, and at one time in the order of planning. A
 * binary heap, so that a long simulation costs O(log n) per event.
 */
export class Schedule {
  readonly #heap: Planned[] = []
  #planned = 0

  /** `Infinity` when nothing is planned. */
  nextAtMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY
  }

  plan(atMs: number, happen: () => void): void {
    this.#planned += 1
    this.#heap.push({ atMs, order: this.#planned, happen })
    this.#rise(this.#heap.length - 1)
  }

  /** Removes and returns the next event. */
  take(): Planned | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (first === undefined || last === undefined || this.#heap.length === 0) return first
    this.#heap[0] = last
    this.#sink(0)
    return first
  }

  #rise(start: number): void {
    let at = start
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(start: number): void {
    let at = start
    for (;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) if (this.#isBefore(child, least)) least = child
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #isBefore(a: number, b: number): boolean {
    const left = this.#heap[a]
    const right = this.#heap[b]
    if (left === undefined || right === undefined) return false
    return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)
  }

  #swap(a: number, b: number): void {
    const left = this.#heap[a]
    const right = this.#heap[b]
    if (left === undefined || right === undefined) return
    this.#heap[a] = right
    this.#heap[b] = left
  }
}

export interface Planned {
  readonly atMs: number
  readonly order: number
  readonly happen: () => void
}
