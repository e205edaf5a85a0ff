import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Counts } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { type Company, quotaOf } from '../../src/limiter/local-mode.ts'
import { limiterOf, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

/** Tokens a second, and the burst. */
const R = 40
const B = 40
const rule = { ...ruleOf(policyOf(R, 1_000, B)), local: true }

interface Frame {
  readonly number: number
  readonly counts: readonly Counts[]
}

/** Nodes that decide one key, each for itself, and a network that keeps the order of each pair and nothing else. */
class Deciders {
  readonly #count: number
  readonly #limiters: readonly ReturnType<typeof limiterOf>[]
  readonly #queues = new Map<string, Frame[]>()
  /** By teller and hearer: the last step that was heard. */
  readonly #heard = new Map<string, number>()
  readonly #numbers: number[]
  #nowMs = NOW_MS
  #company: Company['type'] = 'together'
  /** The ideal meter of all that was admitted, and its peak. */
  #level = 0
  highest = 0

  constructor(count: number) {
    this.#count = count
    this.#limiters = Array.from({ length: count }, (_, at) => limiterOf([rule], `n${at}`))
    this.#numbers = this.#limiters.map(() => 0)
  }

  take(by: number, cost: number): boolean {
    const at = by % this.#count
    const state = stateOf(this.#limiter(at))
    const company = { type: this.#company, members: this.#count }
    const { type } = state.decideByAll(state.hash('hot'), cost, company, this.#nowMs)
    if (type === 'refused') return false
    this.#level += cost
    this.highest = Math.max(this.highest, this.#level)
    return true
  }

  /** Everybody takes all that there is. */
  flood(): void {
    for (let at = 0; at < this.#count; at++) while (this.take(at, 1));
  }

  tell(by: number): void {
    const at = by % this.#count
    this.#numbers[at] = (this.#numbers[at] as number) + 1
    const number = this.#numbers[at] as number
    const counts = this.#limiter(at).shared.takeStep(number, this.#nowMs, 10)
    for (let to = 0; to < this.#count; to++) {
      if (to !== at) this.#queue(at, to).push({ number, counts })
    }
  }

  deliver(by: number, to: number): void {
    const from = by % this.#count
    const at = to % this.#count
    const frame = from === at ? undefined : this.#queue(from, at).shift()
    if (frame === undefined) return
    for (const counts of frame.counts) {
      this.#limiter(at).merge(counts, `n${from}` as NodeId, this.#nowMs)
    }
    this.#heard.set(`${from} ${at}`, frame.number)
    let held = Number.POSITIVE_INFINITY
    for (let other = 0; other < this.#count; other++) {
      if (other !== from) held = Math.min(held, this.#heard.get(`${from} ${other}`) ?? 0)
    }
    this.#limiter(from).shared.acknowledged(held)
  }

  pass(ms: number): void {
    this.#nowMs += ms
    this.#level = Math.max(0, this.#level - (ms * R) / 1_000)
  }

  split(): void {
    this.#company = 'alone'
  }

  heal(): void {
    this.hear()
    this.#company = 'together'
  }

  /** Everybody hears everything. */
  hear(): void {
    for (let at = 0; at < this.#count; at++) this.tell(at)
    for (const [pair, frames] of this.#queues) {
      const [from, to] = pair.split(' ').map(Number) as [number, number]
      while (frames.length > 0) this.deliver(from, to)
    }
  }

  #limiter(at: number): ReturnType<typeof limiterOf> {
    return this.#limiters[at] as ReturnType<typeof limiterOf>
  }

  #queue(from: number, to: number): Frame[] {
    const pair = `${from} ${to}`
    const queue = this.#queues.get(pair) ?? []
    this.#queues.set(pair, queue)
    return queue
  }
}

function boundOf(count: number): number {
  return B + (count - 1) * quotaOf(B, count)
}

const anybody = fc.nat(99)
const happening = fc.oneof(
  fc.record({
    type: fc.constant('take' as const),
    by: anybody,
    cost: fc.integer({ min: 1, max: 8 }),
  }),
  fc.record({ type: fc.constant('flood' as const) }),
  fc.record({ type: fc.constant('tell' as const), by: anybody }),
  fc.record({ type: fc.constant('deliver' as const), by: anybody, to: anybody }),
  fc.record({ type: fc.constant('pass' as const), ms: fc.nat(400) }),
  fc.record({ type: fc.constantFrom('hear' as const, 'split' as const, 'heal' as const) }),
)

describe('nodes that decide the same key, each within its quota', () => {
  test.each([2, 3, 5])('of %i never admit more than (N - 1)·q above the limit', (count) => {
    const property = fc.property(fc.array(happening, { maxLength: 120 }), (story) => {
      const deciders = new Deciders(count)
      for (const event of story) {
        if (event.type === 'take') deciders.take(event.by, event.cost)
        else if (event.type === 'tell') deciders.tell(event.by)
        else if (event.type === 'deliver') deciders.deliver(event.by, event.to)
        else if (event.type === 'pass') deciders.pass(event.ms)
        else deciders[event.type]()
      }
      expect(deciders.highest).toBeLessThanOrEqual(boundOf(count) + R / 1_000)
    })
    fc.assert(property, { numRuns: 150 })
  })

  test('come as near to it as a quota each at the same time', () => {
    const deciders = new Deciders(4)
    for (let at = 0; at < 3; at++) deciders.take(at, 10)
    deciders.hear()
    deciders.flood()
    expect(deciders.highest).toBe(70)
    expect(boundOf(4)).toBe(70)
  })

  test('do not admit it anew after each split, though what is asked for all the time never drains', () => {
    const deciders = new Deciders(4)
    for (let turn = 0; turn < 5; turn++) {
      for (let round = 0; round < 4; round++) {
        deciders.pass(300)
        deciders.hear()
        deciders.flood()
      }
      deciders.split()
      for (let round = 0; round < 60; round++) {
        deciders.flood()
        deciders.pass(100)
      }
      deciders.heal()
    }
    expect(deciders.highest).toBeLessThanOrEqual(boundOf(4) + R / 1_000)
  })
})
