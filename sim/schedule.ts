/**
 * What will happen, in the order in which it will: by time, and at one time in the order of planning.
 *
 * A heap with four children to a node, which is half as deep as a binary one, and in arrays by column, so
 * that comparing times touches nothing but numbers. What is planned for this very instant, as every turn of
 * a node is, waits in a queue instead: everything in the heap for the same time was planned before it.
 */
export class Schedule {
  readonly #atMs: number[] = []
  readonly #order: number[] = []
  readonly #happen: (() => void)[] = []
  #planned = 0
  /** The time of what was taken last. */
  #takenAtMs = Number.NEGATIVE_INFINITY
  #atOnce: (() => void)[] = []
  /** Of `#atOnce`, how many have been taken. */
  #taken = 0

  /** `Infinity` when nothing is planned. */
  nextAtMs(): number {
    if (this.#taken < this.#atOnce.length) return this.#takenAtMs
    return this.#atMs[0] ?? Number.POSITIVE_INFINITY
  }

  plan(atMs: number, happen: () => void): void {
    if (atMs <= this.#takenAtMs) {
      this.#atOnce.push(happen)
      return
    }
    this.#planned += 1
    this.#rise(this.#atMs.length, atMs, this.#planned, happen)
  }

  /** Removes and returns the next event: that of `nextAtMs()`. */
  take(): (() => void) | undefined {
    const firstAtMs = this.#atMs[0] ?? Number.POSITIVE_INFINITY
    if (this.#taken < this.#atOnce.length && firstAtMs > this.#takenAtMs) return this.#takeAtOnce()
    const first = this.#happen[0]
    const atMs = this.#atMs.pop()
    const order = this.#order.pop()
    const happen = this.#happen.pop()
    if (atMs === undefined || order === undefined || happen === undefined) return undefined
    this.#takenAtMs = firstAtMs
    if (this.#atMs.length > 0) this.#sink(atMs, order, happen)
    return first
  }

  #takeAtOnce(): (() => void) | undefined {
    const happen = this.#atOnce[this.#taken]
    this.#taken += 1
    if (this.#taken === this.#atOnce.length) {
      // A new list from time to time, or one great moment would keep its memory for good.
      if (this.#taken > AT_ONCE_KEPT) this.#atOnce = []
      else this.#atOnce.length = 0
      this.#taken = 0
    }
    return happen
  }

  /** Puts an event where there is a hole, or above it. */
  #rise(from: number, atMs: number, order: number, happen: () => void): void {
    let hole = from
    while (hole > 0) {
      const parent = (hole - 1) >> 2
      // A later plan never goes before an equal time.
      if ((this.#atMs[parent] as number) <= atMs) break
      this.#move(parent, hole)
      hole = parent
    }
    this.#put(hole, atMs, order, happen)
  }

  /** Puts an event at the top, or below it. */
  #sink(atMs: number, order: number, happen: () => void): void {
    const times = this.#atMs
    const orders = this.#order
    const size = times.length
    let hole = 0
    for (;;) {
      const firstChild = 4 * hole + 1
      if (firstChild >= size) break
      const end = Math.min(firstChild + 4, size)
      let least = firstChild
      let leastAtMs = times[firstChild] as number
      for (let child = firstChild + 1; child < end; child++) {
        const childAtMs = times[child] as number
        if (childAtMs > leastAtMs) continue
        if (childAtMs === leastAtMs && (orders[child] as number) > (orders[least] as number))
          continue
        least = child
        leastAtMs = childAtMs
      }
      if (leastAtMs > atMs || (leastAtMs === atMs && (orders[least] as number) > order)) break
      this.#move(least, hole)
      hole = least
    }
    this.#put(hole, atMs, order, happen)
  }

  #move(from: number, to: number): void {
    this.#put(
      to,
      this.#atMs[from] as number,
      this.#order[from] as number,
      this.#happen[from] as () => void,
    )
  }

  #put(at: number, atMs: number, order: number, happen: () => void): void {
    this.#atMs[at] = atMs
    this.#order[at] = order
    this.#happen[at] = happen
  }
}

const AT_ONCE_KEPT = 1_024
