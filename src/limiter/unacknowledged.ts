/** Of one key. Tokens. */
interface Owed {
  readonly row: number
  /** Admitted here, and not known to be held by everybody. */
  tokens: number
  /** Of them, not told yet, and since when. */
  untold: number
  sinceMs: number
}

/** A key that is to be told, with the time of the first admission that is. */
export interface Untold {
  readonly row: number
  readonly sinceMs: number
}

interface Told {
  readonly number: number
  readonly parts: readonly { readonly owed: Owed; readonly tokens: number }[]
}

/**
 * What this node has admitted of the keys of a rule that all nodes decide, until all of them hold it: first untold, then
 * in a numbered step that is not acknowledged yet. What is given back in between stays in it.
 */
export class Unacknowledged {
  readonly #keys = new Map<number, Owed>()
  #untold = new Set<Owed>()
  readonly #told: Told[] = []
  #isUrgent = false

  get keys(): number {
    return this.#keys.size
  }

  get untoldKeys(): number {
    return this.#untold.size
  }

  /** Whether a key has more untold than it can wait with. */
  get isUrgent(): boolean {
    return this.#isUrgent
  }

  tokens(row: number): number {
    return this.#keys.get(row)?.tokens ?? 0
  }

  /** The most of any key. */
  most(): number {
    let most = 0
    for (const { tokens } of this.#keys.values()) most = Math.max(most, tokens)
    return most
  }

  /** The counts of the key have changed by an admission of so many tokens; more than `urgent` untold cannot wait. */
  add(row: number, tokens: number, urgent: number, nowMs: number): void {
    let owed = this.#keys.get(row)
    if (owed === undefined) {
      owed = { row, tokens: 0, untold: 0, sinceMs: nowMs }
      this.#keys.set(row, owed)
    }
    if (!this.#untold.has(owed)) {
      this.#untold.add(owed)
      owed.untold = 0
      owed.sinceMs = nowMs
    }
    owed.tokens += tokens
    owed.untold += tokens
    if (owed.untold > urgent) this.#isUrgent = true
  }

  /** Takes the first keys that are untold, at most so many: they are told in step `number`. */
  take(number: number, most: number): Untold[] {
    const parts: { owed: Owed; tokens: number }[] = []
    for (const owed of this.#untold) {
      if (parts.length >= most) break
      parts.push({ owed, tokens: owed.untold })
      this.#untold.delete(owed)
    }
    if (this.#untold.size === 0) this.#isUrgent = false
    if (parts.length > 0) this.#told.push({ number, parts })
    // One that is used on keeps what was in it before alive: see `cluster/in-flight.ts`.
    if (parts.length > 0 && this.#untold.size === 0) this.#untold = new Set()
    return parts.map(({ owed: { row, sinceMs } }) => ({ row, sinceMs }))
  }

  /** All up to this step is held by everybody. */
  acknowledged(number: number): void {
    while ((this.#told[0]?.number ?? Number.POSITIVE_INFINITY) <= number) {
      for (const { owed, tokens } of this.#told.shift()?.parts ?? []) {
        owed.tokens -= tokens
        const isOver = owed.tokens === 0 && !this.#untold.has(owed)
        if (isOver && this.#keys.get(owed.row) === owed) this.#keys.delete(owed.row)
      }
    }
  }

  /** The row is another key's from now on. */
  forget(row: number): void {
    const owed = this.#keys.get(row)
    if (owed === undefined) return
    this.#keys.delete(row)
    this.#untold.delete(owed)
  }
}
