/** Numbers of which a tail can be raised, and the greatest of a tail be asked for, both in O(log n). */
export class MaxTree {
  readonly #leaves: number
  /** The greatest of each subtree, without what its ancestors are raised by. */
  readonly #max: Float64Array
  readonly #raised: Float64Array

  constructor(values: readonly number[]) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, values.length)))
    this.#max = new Float64Array(2 * this.#leaves).fill(Number.NEGATIVE_INFINITY)
    this.#raised = new Float64Array(2 * this.#leaves)
    this.#max.set(values, this.#leaves)
    for (let node = this.#leaves - 1; node >= 1; node--) this.#settle(node)
  }

  raiseFrom(index: number, by: number): void {
    this.#eachOfTail(index, (node) => {
      this.#raised[node] = this.#of(this.#raised, node) + by
      this.#max[node] = this.#of(this.#max, node) + by
    })
    for (let node = (index + this.#leaves) >> 1; node >= 1; node >>= 1) this.#settle(node)
  }

  maxFrom(index: number): number {
    let greatest = Number.NEGATIVE_INFINITY
    this.#eachOfTail(index, (node) => {
      let value = this.#of(this.#max, node)
      for (let above = node >> 1; above >= 1; above >>= 1) value += this.#of(this.#raised, above)
      greatest = Math.max(greatest, value)
    })
    return greatest
  }

  /** The subtrees that together are all leaves from `index` on. */
  #eachOfTail(index: number, visit: (node: number) => void): void {
    if (index >= this.#leaves) return
    let node = index + this.#leaves
    visit(node)
    for (; node > 1; node >>= 1) if (node % 2 === 0) visit(node + 1)
  }

  #settle(node: number): void {
    const below = Math.max(this.#of(this.#max, 2 * node), this.#of(this.#max, 2 * node + 1))
    this.#max[node] = below + this.#of(this.#raised, node)
  }

  #of(numbers: Float64Array, node: number): number {
    return numbers[node] ?? 0
  }
}
