import type { Action } from '../cluster/message.ts'
import type { Random } from '../cluster/random.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { CheckRequest } from '../src/limiter/check.ts'
import { SETTLED_RULE, settledKey } from '../src/limiter/settlement.ts'
import type { ClientAnswer } from './observer.ts'
import type { Simulation } from './simulation.ts'

/** A span of time, in milliseconds, from which one is drawn. */
export interface Span {
  readonly min: number
  readonly max: number
}

/**
 * What a client does after an answer, at any node. Of a list of these the first that is drawn for an answer is done.
 *
 * Clients give back no more than was admitted to them, and each admission once: that is what the bounds assume. What a
 * node does not answer they do not ask again.
 */
export type Correction =
  /** One admission in so many is given back, some or all of it: who holds a slot lets go of it. */
  | {
      readonly type: 'refund'
      readonly oneIn: number
      readonly afterMs: Span
      readonly whole?: boolean
    }
  /** One refusal in so many is punished. */
  | {
      readonly type: 'penalty'
      readonly oneIn: number
      readonly cost: { readonly min: number; readonly max: number }
    }
  /**
   * One admission in so many was a reservation: what was needed, up to twice of it, is known after a while. If
   * that is later than `lapsesMs` it stays as it is. Some settle twice, as after an answer that was lost.
   */
  | {
      readonly type: 'settle'
      readonly oneIn: number
      readonly afterMs: Span
      readonly lapsesMs: number
    }

/** One settlement in so many is asked for again. */
const AGAIN = 4
/** Attempts to settle one reservation, at most. */
export const SETTLEMENTS_MAX = 2
const NONCES = 2 ** 31

interface Settlement {
  readonly reserved: ClientAnswer
  readonly needed: number
}

/** Clients of one flow, when they have heard an answer. */
export class Corrections {
  readonly #world: Simulation
  readonly #corrections: readonly Correction[]
  /** By then nobody asks for anything any more. */
  readonly #untilMs: number
  readonly #random: Random
  /** Reservations that are being settled, by what was asked to mark them so. */
  readonly #marks = new Map<CheckRequest, Settlement>()

  constructor(
    world: Simulation,
    corrections: readonly Correction[],
    untilMs: number,
    random: Random,
  ) {
    this.#world = world
    this.#corrections = corrections
    this.#untilMs = untilMs
    this.#random = random
  }

  /** `isOwn` of checks that these clients asked. */
  answered(seen: ClientAnswer, isOwn: boolean): void {
    const mark = this.#marks.get(seen.request)
    if (mark !== undefined) {
      this.#marks.delete(seen.request)
      if (seen.answer.type === 'answer' && seen.answer.allowed) this.#settle(seen.node, mark)
    }
    if (!isOwn || seen.answer.type !== 'answer' || seen.request.cost === 0) return
    for (const correction of this.#corrections) {
      const isMeant = (correction.type === 'penalty') !== seen.answer.allowed
      if (!isMeant || this.#random.below(correction.oneIn) > 0) continue
      this.#correct(correction, seen)
      return
    }
  }

  #correct(correction: Correction, seen: ClientAnswer): void {
    const { cost } = seen.request
    switch (correction.type) {
      case 'refund': {
        const back = correction.whole === true ? cost : 1 + this.#random.below(cost)
        this.#later(correction.afterMs, () => this.#adjust('refund', seen, back, this.#anyone()))
        break
      }
      case 'penalty': {
        const owed = this.#drawn(correction.cost)
        this.#later(NOW, () => this.#adjust('penalise', seen, owed, this.#anyone()))
        break
      }
      case 'settle':
        this.#reserved(correction, seen)
    }
  }

  #reserved(
    { afterMs, lapsesMs }: Extract<Correction, { type: 'settle' }>,
    seen: ClientAnswer,
  ): void {
    const needed = this.#random.below(2 * seen.request.cost + 1)
    const nonce = this.#random.below(NONCES)
    const takesMs = this.#drawn(afterMs)
    if (takesMs > lapsesMs) {
      this.#later({ min: lapsesMs, max: lapsesMs }, () => this.#world.lapsed(seen))
      return
    }
    const times = this.#random.below(AGAIN) === 0 ? SETTLEMENTS_MAX : 1
    for (let time = 0; time < times; time++) {
      this.#later({ min: takesMs, max: takesMs + time * AGAIN_MS }, () => {
        this.#mark(seen, needed, nonce, this.#anyone())
      })
    }
  }

  /** The first half of settling, as `src/reservations.ts` does it: is it the first time? */
  #mark(reserved: ClientAnswer, needed: number, nonce: number, node: NodeId | undefined): void {
    if (node === undefined) return
    const { rule, key } = reserved.request
    const hash = settledKey({ key: this.#world.hashOf(rule, key), nonce })
    const request = { rule: SETTLED_RULE.name, key, cost: 1 }
    this.#world.at(this.#world.nowMs, () => {
      this.#marks.set(request, { reserved, needed })
      this.#world.ask(node, request, { hash, corrects: reserved })
    })
  }

  /** The second half, at the node that was told that it is. */
  #settle(node: NodeId, { reserved, needed }: Settlement): void {
    const { cost } = reserved.request
    const action = needed < cost ? 'refund' : 'penalise'
    this.#world.at(this.#world.nowMs, () => {
      this.#adjust(action, reserved, Math.abs(needed - cost), node)
    })
  }

  #adjust(action: Action, corrects: ClientAnswer, cost: number, node: NodeId | undefined): void {
    if (node === undefined || cost === 0) return
    const request: CheckRequest = { ...corrects.request, cost }
    this.#world.ask(node, request, { action, corrects })
  }

  #later(span: Span, happen: () => void): void {
    const atMs = this.#world.nowMs + this.#drawn(span)
    if (atMs < this.#untilMs) this.#world.at(atMs, happen)
  }

  #drawn({ min, max }: Span): number {
    return min + this.#random.below(max - min + 1)
  }

  #anyone(): NodeId | undefined {
    const { live } = this.#world
    return live[this.#random.below(Math.max(1, live.length))]
  }
}

const AGAIN_MS = 500
const NOW: Span = { min: 0, max: 0 }

/** Tokens that are taken beyond a check's own, or whether or not there is room. */
export function mayOwe(
  workload: readonly { readonly rule: string; readonly corrections?: readonly Correction[] }[],
  rule: string,
): boolean {
  return workload.some((flow) => {
    return flow.rule === rule && flow.corrections?.some(({ type }) => type !== 'refund') === true
  })
}
