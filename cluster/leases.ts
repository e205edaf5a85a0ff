import {
  LEASE_ASK_MS,
  LEASE_MS,
  LEASE_RENEW_SHARE,
  LEASE_TOKENS_MAX,
  LEASE_TOKENS_MIN,
} from './limits.ts'
import type { Lease } from './message.ts'

export interface Spent {
  /** Tokens of the lease that are left: all that is known to be there. */
  readonly remaining: number
  readonly limit: number
  readonly fullAtMs: number
}

/** How the key's tightest limit stood when the lease was granted, the lease included. */
export interface Standing {
  readonly limit: number
  readonly fullAtMs: number
}

interface Held extends Standing {
  left: number
  readonly untilMs: number
  readonly owner: string
}

interface Slot {
  readonly rule: string
  readonly hashHi: number
  readonly hashLo: number
  /** Tokens asked for in the present span of `LEASE_MS`, and in the one before. */
  spanStartMs: number
  asked: number
  askedBefore: number
  lastWantedMs: number
  /** What was last asked for has not come yet. */
  isAwaited: boolean
  /** The one that ends first, and its successor. */
  present: Held | undefined
  next: Held | undefined
}

/**
 * An origin's leases of hot keys: tokens that the owner has counted as admitted already and that this node gives out
 * without asking. It asks for what its own clients have lately asked of it, and a little before it has run out, so
 * that no burst of checks goes to the owner while the next lease is on its way.
 *
 * Direct-mapped and of fixed size, as refusals are. A key that is hot here, or leased, keeps its slot; any other is
 * displaced by the next one, which costs a forward and nothing else.
 */
export class Leases {
  readonly #slots: (Slot | undefined)[]
  #latestMs = Number.NEGATIVE_INFINITY

  /** `slots` is a power of two. */
  constructor(slots: number) {
    this.#slots = new Array<Slot | undefined>(slots).fill(undefined)
  }

  /**
   * Takes the cost of a check out of a lease. Undefined if there is none, or it is time to ask for another: then the
   * check is to be forwarded, and what is left stays for the next ones.
   */
  spend(
    rule: string,
    hashHi: number,
    hashLo: number,
    cost: number,
    owner: string,
    nowMs: number,
  ): Spent | undefined {
    this.#notice(nowMs)
    const slot = this.#slotFor(rule, hashHi, hashLo, nowMs)
    if (slot === undefined) return undefined
    count(slot, cost, nowMs)
    const { present, next } = slot
    if (present === undefined || isDue(slot, nowMs)) return undefined
    if (present.owner !== owner) {
      slot.present = undefined
      slot.next = undefined
      return undefined
    }
    if ((next !== undefined && next.owner !== owner) || leftOf(slot) < cost) return undefined
    const taken = Math.min(present.left, cost)
    present.left -= taken
    if (next !== undefined) next.left -= cost - taken
    const { limit, fullAtMs } = next ?? present
    return { limit, fullAtMs, remaining: leftOf(slot) }
  }

  /** Tokens to ask the owner for beside a check that is forwarded now; undefined: none. */
  wanted(rule: string, hashHi: number, hashLo: number, nowMs: number): number | undefined {
    const slot = this.#known(rule, hashHi, hashLo)
    if (slot === undefined || !isDue(slot, nowMs)) return undefined
    slot.lastWantedMs = nowMs
    slot.isAwaited = true
    return Math.min(LEASE_TOKENS_MAX, Math.ceil(demandOf(slot) - usable(slot, nowMs)))
  }

  /** The owner has granted what was asked for at `askedMs`. */
  hold(
    rule: string,
    hashHi: number,
    hashLo: number,
    lease: Lease & Standing & { readonly owner: string },
    askedMs: number,
    nowMs: number,
  ): void {
    this.#notice(nowMs)
    const slot = this.#known(rule, hashHi, hashLo)
    const untilMs = askedMs + lease.forMs
    if (slot?.lastWantedMs === askedMs) slot.isAwaited = false
    if (slot === undefined || untilMs <= nowMs || askedMs > nowMs) return
    lapse(slot, nowMs)
    const { tokens: left, limit, fullAtMs, owner } = lease
    const held: Held = { left, untilMs, limit, fullAtMs, owner }
    if (slot.present === undefined) slot.present = held
    else {
      // Of more than two at a time the rest of one lapses.
      if (slot.next !== undefined) slot.present = slot.next
      slot.next = held
    }
  }

  forgetAll(): void {
    this.#slots.fill(undefined)
  }

  /** By a clock that has gone back a lease would last for longer than its owner knows of. */
  #notice(nowMs: number): void {
    if (nowMs < this.#latestMs) this.forgetAll()
    this.#latestMs = nowMs
  }

  #known(rule: string, hashHi: number, hashLo: number): Slot | undefined {
    const slot = this.#slots[hashLo & (this.#slots.length - 1)]
    if (slot === undefined || slot.hashLo !== (hashLo | 0)) return undefined
    return slot.hashHi === (hashHi | 0) && slot.rule === rule ? slot : undefined
  }

  #slotFor(rule: string, hashHi: number, hashLo: number, nowMs: number): Slot | undefined {
    const known = this.#known(rule, hashHi, hashLo)
    if (known !== undefined) {
      lapse(known, nowMs)
      return known
    }
    const at = hashLo & (this.#slots.length - 1)
    const other = this.#slots[at]
    if (other !== undefined && isHot(other, nowMs)) return undefined
    const slot: Slot = {
      rule,
      hashHi: hashHi | 0,
      hashLo: hashLo | 0,
      spanStartMs: nowMs,
      asked: 0,
      askedBefore: 0,
      lastWantedMs: Number.NEGATIVE_INFINITY,
      isAwaited: false,
      present: undefined,
      next: undefined,
    }
    this.#slots[at] = slot
    return slot
  }
}

function lapse(slot: Slot, nowMs: number): void {
  if (slot.next !== undefined && isOver(slot.next, nowMs)) slot.next = undefined
  if (slot.present === undefined || !isOver(slot.present, nowMs)) return
  slot.present = slot.next
  slot.next = undefined
}

function isOver({ left, untilMs }: Held, nowMs: number): boolean {
  return left === 0 || nowMs >= untilMs
}

function count(slot: Slot, cost: number, nowMs: number): void {
  const spans = Math.floor((nowMs - slot.spanStartMs) / LEASE_MS)
  if (spans > 0) {
    slot.askedBefore = spans === 1 ? slot.asked : 0
    slot.asked = 0
    slot.spanStartMs += spans * LEASE_MS
  }
  slot.asked += cost
}

/** Tokens that are asked for in `LEASE_MS`. */
function demandOf({ asked, askedBefore }: Slot): number {
  return Math.max(asked, askedBefore)
}

function leftOf({ present, next }: Slot): number {
  return (present?.left ?? 0) + (next?.left ?? 0)
}

/** Tokens that will be asked for before they lapse. */
function usable(slot: Slot, nowMs: number): number {
  const latest = slot.next ?? slot.present
  const asked = latest === undefined ? 0 : (demandOf(slot) * (latest.untilMs - nowMs)) / LEASE_MS
  return Math.min(leftOf(slot), asked)
}

/** Whether to ask for another lease: what there is, is about to be given out, or to lapse. */
function isDue(slot: Slot, nowMs: number): boolean {
  const demand = demandOf(slot)
  const pauseMs = slot.isAwaited ? LEASE_MS : LEASE_ASK_MS
  if (demand < LEASE_TOKENS_MIN || nowMs - slot.lastWantedMs < pauseMs) return false
  return usable(slot, nowMs) < demand * LEASE_RENEW_SHARE
}

function isHot(slot: Slot, nowMs: number): boolean {
  if (nowMs - slot.spanStartMs >= 2 * LEASE_MS) return false
  return slot.present !== undefined || demandOf(slot) >= LEASE_TOKENS_MIN
}
