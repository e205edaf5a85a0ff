/**
 * An origin's memory of refusals. Refusing is monotone: nothing that happens elsewhere can turn a refusal
 * into an admission before its time, so a refusal may be repeated from memory without asking the owner,
 * and a flood of a refused key costs no network.
 *
 * Direct-mapped and of fixed size: two keys that meet in a slot displace each other, which costs a
 * forward and nothing else. A refusal is repeated only for the same cost; a smaller one might pass.
 */
export interface Refusal {
  readonly limit: number
  readonly remaining: number
  readonly untilMs: number
  readonly fullAtMs: number
}

interface Slot extends Refusal {
  readonly rule: string
  /** Signed, as small integers are: comparing them reads no further memory. */
  readonly hashHi: number
  readonly hashLo: number
  readonly cost: number
  /** Not repeated from here on, even if the refusal would still stand. */
  readonly forgetAtMs: number
}

export class Refusals {
  readonly #slots: (Slot | undefined)[]
  readonly #rememberMs: number

  /** `slots` is a power of two; a refusal is repeated for at most `rememberMs`. */
  constructor(slots: number, rememberMs: number) {
    this.#slots = new Array<Slot | undefined>(slots).fill(undefined)
    this.#rememberMs = rememberMs
  }

  remember(
    rule: string,
    hashHi: number,
    hashLo: number,
    cost: number,
    refusal: Refusal,
    nowMs: number,
  ): void {
    const forgetAtMs = Math.min(refusal.untilMs, nowMs + this.#rememberMs)
    const { limit, remaining, untilMs, fullAtMs } = refusal
    this.#slots[this.#slotOf(hashLo)] = {
      rule,
      hashHi: hashHi | 0,
      hashLo: hashLo | 0,
      cost,
      forgetAtMs,
      limit,
      remaining,
      untilMs,
      fullAtMs,
    }
  }

  /** Something was given back: the key may not be refused any more. */
  forget(rule: string, hashHi: number, hashLo: number): void {
    const slot = this.#slots[this.#slotOf(hashLo)]
    if (slot?.hashLo !== (hashLo | 0) || slot.hashHi !== (hashHi | 0) || slot.rule !== rule) return
    this.#slots[this.#slotOf(hashLo)] = undefined
  }

  forgetAll(): void {
    this.#slots.fill(undefined)
  }

  recall(
    rule: string,
    hashHi: number,
    hashLo: number,
    cost: number,
    nowMs: number,
  ): Refusal | undefined {
    const slot = this.#slots[this.#slotOf(hashLo)]
    if (slot === undefined || slot.hashLo !== (hashLo | 0)) return undefined
    if (slot.hashHi !== (hashHi | 0)) return undefined
    if (slot.rule !== rule || slot.cost !== cost || nowMs >= slot.forgetAtMs) return undefined
    return slot
  }

  #slotOf(hashLo: number): number {
    return hashLo & (this.#slots.length - 1)
  }
}
