import fc from 'fast-check'
import type { Counts } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { limiterOf, liveCounts, NOW_MS, stateOf } from './limiters.ts'

/** One thing that happens. Numbers are taken modulo what there is. */
export type Step =
  | { readonly type: 'take'; readonly at: number; readonly key: number; readonly share: number }
  | { readonly type: 'publish'; readonly at: number }
  | { readonly type: 'deliver' | 'duplicate' | 'lose'; readonly which: number }
  | { readonly type: 'pass'; readonly share: number }

const anybody = fc.nat(9)
const share = fc.double({ min: 0, max: 1, noNaN: true })

/** Admissions anywhere, and frames that are delivered in any order, twice, late or never. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('take' as const),
        at: anybody,
        key: anybody,
        share,
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('publish' as const), at: anybody }) },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constantFrom('deliver' as const, 'duplicate' as const, 'lose' as const),
        which: fc.nat(99),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('pass' as const), share }) },
  ),
  { maxLength: 60 },
)

interface Frame {
  readonly to: number
  readonly author: NodeId
  readonly counts: Counts
}

export interface Admission {
  readonly by: number
  readonly key: string
  readonly atMs: number
  readonly tokens: number
}

/** Production limiters that decide the same keys all at once, and tell each other by frames that wait. */
export class GossipingLimiters {
  readonly limiters: readonly Limiter[]
  readonly keys = ['k0', 'k1', 'k2']
  readonly admissions: Admission[] = []
  readonly #frames: Frame[] = []
  readonly #toldMs: number[]
  nowMs = NOW_MS

  constructor(rule: Rule, nodes = 3) {
    this.limiters = Array.from({ length: nodes }, (_, at) => limiterOf([rule], `n${at}`))
    this.#toldMs = this.limiters.map(() => NOW_MS)
  }

  /** Without losses, when a frame that is told to be lost is only left for later. */
  play(happenings: readonly Step[], loses = true): this {
    for (const step of happenings) this.#happen(step, loses)
    return this
  }

  /** Everything under way arrives, the newest first. */
  deliverAll(): void {
    for (let at = 0; at < this.limiters.length; at++) this.#publish(at)
    while (this.#frames.length > 0) this.#deliver(this.#frames.length - 1)
  }

  /** Compares two replicas and exchanges what differs; returns how many numbers travelled. */
  repair(a: number, b: number): number {
    const [one, other] = [this.limiters[a], this.limiters[b]] as [Limiter, Limiter]
    const wanted = other.differing(one.digest(Number.POSITIVE_INFINITY, this.nowMs))
    return this.#send(other, one, wanted) + this.#send(one, other, wanted)
  }

  live(at: number): string[] {
    return liveCounts(this.limiters[at] as Limiter, this.keys, this.nowMs)
  }

  #happen(step: Step, loses: boolean): void {
    switch (step.type) {
      case 'take':
        this.#take(step.at % this.limiters.length, step.key % this.keys.length, step.share)
        break
      case 'publish':
        this.#publish(step.at % this.limiters.length)
        break
      case 'pass': {
        const limit = stateOf(this.limiters[0] as Limiter).store.limits[0]
        // From a part of a slice to a few slices; the ring goes around in some runs, not in most.
        this.nowMs += Math.round(step.share ** 3 * 6 * (limit?.sliceMs ?? 0))
        break
      }
      default:
        this.#frameArrives(step.type, step.which, loses)
    }
  }

  #frameArrives(fate: 'deliver' | 'duplicate' | 'lose', which: number, loses: boolean): void {
    if (this.#frames.length === 0) return
    const at = which % this.#frames.length
    const frame = this.#frames[at] as Frame
    if (fate === 'duplicate') this.#frames.push(frame)
    if (fate === 'lose' && loses) this.#frames.splice(at, 1)
    else if (fate !== 'lose') this.#deliver(at)
  }

  #take(at: number, keyAt: number, share: number): void {
    const key = this.keys[keyAt] as string
    const state = stateOf(this.limiters[at] as Limiter)
    const tokens = Math.max(1, Math.round(share ** 2 * state.costMax))
    if (state.decide(state.hash(key), tokens, this.nowMs).type === 'refused') return
    this.admissions.push({ by: at, key, atMs: this.nowMs, tokens })
  }

  #publish(at: number): void {
    const author = this.limiters[at] as Limiter
    const sinceMs = this.#toldMs[at] as number
    this.#toldMs[at] = this.nowMs
    for (const counts of author.takeDelta(sinceMs, this.nowMs)) {
      for (let to = 0; to < this.limiters.length; to++) {
        if (to !== at) this.#frames.push({ to, author: author.actors.self.node, counts })
      }
    }
  }

  #deliver(at: number): void {
    const [frame] = this.#frames.splice(at, 1)
    if (frame === undefined) return
    const { to, author, counts } = frame
    const result = (this.limiters[to] as Limiter).merge(counts, author, this.nowMs)
    if (result.violations + result.future + result.foreign > 0) {
      throw new Error(`an honest frame was refused: ${JSON.stringify(result)}`)
    }
  }

  #send(from: Limiter, to: Limiter, wanted: ReturnType<Limiter['differing']>): number {
    let numbers = 0
    let cursor: { rule: number; row: number } | undefined = { rule: 0, row: 0 }
    while (cursor !== undefined) {
      const step = from.repair(wanted, cursor, 8, this.nowMs)
      for (const counts of step.counts) {
        for (const { entries } of counts.blocks) numbers += entries.length
        to.merge(counts, undefined, this.nowMs)
      }
      cursor = step.next
    }
    return numbers
  }
}
