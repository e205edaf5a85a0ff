import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Counting } from './check-all.ts'
import type { Adjustment, Answer, CheckRequest, HashedRequest, Rejection } from './limiter/check.ts'
import type { KeyHash } from './limiter/key-hash.ts'
import type { Rule } from './limiter/policy.ts'
import { RESERVATION_MS_MAX, SETTLED_RULE, settledKey } from './limiter/settlement.ts'

/**
 * Tokens taken before it is known how many are needed: an id says what was taken, of which key, and until when it
 * may be settled. Whoever holds it may settle it at any node, once. The nodes keep nothing for it: the id carries
 * everything, signed with a secret of the cluster, and that it was settled is counted like anything else, as one
 * token of a key of its own that lies beside the key on the ring.
 */
export interface Reservation {
  /** The rule whose table counts it. */
  readonly rule: string
  readonly key: KeyHash
  readonly cost: number
  /** Not after the tokens were taken; as the next one, in milliseconds since 1970. */
  readonly askedMs: number
  readonly expiresMs: number
  /** Tells reservations apart. */
  readonly nonce: number
}

export const RESERVATION_MS_DEFAULT = 60_000

/** Why a reservation cannot be settled. Stable codes, listed in docs/reference/errors.md. */
export type SettlementCode = 'invalid_reservation' | 'reservation_expired' | 'overloaded'

export interface Unsettled {
  readonly type: 'unsettled'
  readonly code: SettlementCode
  readonly detail: string
}

export interface Reserved<Said = Answer> {
  readonly type: 'reserved'
  readonly answer: Said
  /** To settle it by; absent when the check was refused. */
  readonly id?: string
  readonly expiresInMs: number
}

export interface Settled<Said = Answer> {
  readonly type: 'settled'
  /** It had been settled before, and nothing was done now. */
  readonly again: boolean
  /** How the key stands now. */
  readonly answer: Said
}

/** What settling needs of a node: it knows keys by their hashes. */
export interface HashedCounting {
  rule(name: string): Rule | undefined
  hash(rule: string, key: string): KeyHash | undefined
  act(action: Adjustment | 'check', request: HashedRequest): Outcome | Promise<Answer>
  nowMs(): number
}

type Outcome = Answer | Rejection

export class Reservations {
  readonly #ids: ReservationIds
  readonly #counting: HashedCounting

  constructor(ids: ReservationIds, counting: HashedCounting) {
    this.#ids = ids
    this.#counting = counting
  }

  /**
   * Takes tokens by a check, to be settled within `forMs`, and permits no later than they come back by themselves:
   * after that it would be somebody else's that are given back. What is never settled stays taken.
   */
  async reserve(
    request: CheckRequest,
    forMs: number | undefined,
    counting: Pick<Counting, 'check'>,
  ): Promise<Reserved | Rejection> {
    const askedMs = this.#counting.nowMs()
    const answer = await counting.check(request)
    if (answer.type === 'rejected') return answer
    const key = this.#counting.hash(request.rule, request.key)
    if (!answer.allowed || key === undefined) return { type: 'reserved', answer, expiresInMs: 0 }
    const { rule, cost } = request
    const heldMs = holdMs(this.#counting.rule(rule))
    const expiresInMs = Math.min(
      forMs ?? heldMs ?? RESERVATION_MS_DEFAULT,
      heldMs ?? RESERVATION_MS_MAX,
    )
    const id = this.#ids.seal({
      rule,
      key,
      cost,
      askedMs,
      expiresMs: Math.max(askedMs, this.#counting.nowMs()) + expiresInMs,
    })
    return { type: 'reserved', answer, id, expiresInMs }
  }

  /**
   * Says how many tokens were needed: the rest is given back, what was needed beyond is taken whether or not there
   * is room. Only the first time counts.
   */
  async settle(id: string, cost: number): Promise<Settled | Unsettled | Rejection> {
    const reservation = this.#ids.open(id)
    if (reservation === undefined) return unsettled('invalid_reservation', INVALID)
    const lateMs = this.#counting.nowMs() - reservation.expiresMs
    if (lateMs > 0) return unsettled('reservation_expired', expired(reservation, lateMs))
    const mark = { rule: SETTLED_RULE.name, key: settledKey(reservation), cost: 1 }
    const first = await this.#counting.act('check', mark)
    if (first.type === 'rejected') return first
    if (first.reason === 'overloaded') return unsettled('overloaded', FULL)
    const answer = await this.#correct(reservation, first.allowed ? cost : reservation.cost)
    if (answer.type === 'rejected') return answer
    return { type: 'settled', again: !first.allowed, answer }
  }

  #correct(reservation: Reservation, needed: number): Outcome | Promise<Outcome> {
    const { rule, key, cost: taken, askedMs } = reservation
    const by = (cost: number) => ({ rule, key, cost })
    if (needed < taken) {
      const ageMs = Math.max(0, this.#counting.nowMs() - askedMs)
      return this.#counting.act('undo', { ...by(taken - needed), ageMs })
    }
    if (needed > taken) return this.#counting.act('penalise', by(needed - taken))
    return this.#counting.act('check', by(0))
  }
}

/** How long permits of the rule may be settled, in ms; undefined of a rule without any. */
function holdMs(rule: Rule | undefined): number | undefined {
  const permits = rule?.limits.filter(({ algorithm }) => algorithm?.type === 'concurrency') ?? []
  if (permits.length === 0) return undefined
  return Math.min(RESERVATION_MS_MAX, ...permits.map(({ rate }) => rate.periodMs))
}

const INVALID = 'the id is none that this cluster gave out: send it as `reserve` answered it'
const FULL = 'this node cannot keep count of more reservations now: settle again in a second'

function expired({ cost }: Reservation, lateMs: number): string {
  return `the reservation expired ${lateMs} ms ago and its ${cost} tokens stay taken: settle sooner, or reserve for longer`
}

function unsettled(code: SettlementCode, detail: string): Unsettled {
  return { type: 'unsettled', code, detail }
}

const VERSION = 2
const SIGNATURE_BYTES = 12
/** Version, nonce, both halves of the hash, cost, time, and how much later it expires; then the rule's name, and the signature. */
const FIXED_BYTES = 1 + 4 + 4 + 4 + 4 + 6 + 4
const RULE_AT = FIXED_BYTES

/** Writes and reads the ids of reservations: base64url, about 60 characters. */
export class ReservationIds {
  readonly #secret: Uint8Array

  /** Nodes with equal secrets understand each other's ids. */
  constructor(secret: Uint8Array) {
    this.#secret = createHmac('sha256', secret).update('weir reservations').digest()
  }

  seal(reservation: Omit<Reservation, 'nonce'>): string {
    const { rule, key, cost, askedMs, expiresMs } = reservation
    const fixed = Buffer.alloc(FIXED_BYTES)
    fixed.writeUInt8(VERSION, 0)
    randomBytes(4).copy(fixed, 1)
    fixed.writeUInt32BE(key.hi, 5)
    fixed.writeUInt32BE(key.lo, 9)
    fixed.writeUInt32BE(cost, 13)
    fixed.writeUIntBE(askedMs, 17, 6)
    fixed.writeUInt32BE(expiresMs - askedMs, 23)
    const signed = Buffer.concat([fixed, Buffer.from(rule)])
    return Buffer.concat([signed, this.#signature(signed)]).toString('base64url')
  }

  /** Undefined unless a node of this cluster wrote it. */
  open(id: string): Reservation | undefined {
    const bytes = Buffer.from(id, 'base64url')
    const end = bytes.length - SIGNATURE_BYTES
    if (end <= RULE_AT || bytes[0] !== VERSION || bytes.toString('base64url') !== id)
      return undefined
    const signed = bytes.subarray(0, end)
    if (!timingSafeEqual(this.#signature(signed), bytes.subarray(end))) return undefined
    const askedMs = signed.readUIntBE(17, 6)
    return {
      rule: signed.toString('utf8', RULE_AT),
      nonce: signed.readUInt32BE(1),
      key: { hi: signed.readUInt32BE(5), lo: signed.readUInt32BE(9) },
      cost: signed.readUInt32BE(13),
      askedMs,
      expiresMs: askedMs + signed.readUInt32BE(23),
    }
  }

  #signature(signed: Uint8Array): Buffer {
    return createHmac('sha256', this.#secret).update(signed).digest().subarray(0, SIGNATURE_BYTES)
  }
}
