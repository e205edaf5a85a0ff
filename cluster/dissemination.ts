import type { Counts } from '../crdt/counts.ts'
import type { Audience } from './copies.ts'
import { DELTA_KEYS_PER_TICK, EARLY_FLUSH_MS, GOSSIP_JITTER } from './limits.ts'
import type { Random } from './random.ts'
import type { ReplicatedState } from './replicated-state.ts'

type AudienceOf = (hashHi: number) => readonly Audience[]
type CountsFor = ReadonlyMap<Audience, readonly Counts[]>

/**
 * When this node publishes its own counts, and which.
 *
 * Every gossip interval, jittered so that nodes do not march in step, and between ticks as soon as one key
 * has much unsent, but at most once in `EARLY_FLUSH_MS`. Each publication holds every slice since the one
 * before the last, as absolute counts: a frame that is lost is made up for by the next, and a frame that
 * comes twice or late does no harm.
 */
export class Dissemination {
  readonly #state: ReplicatedState
  readonly #random: Random
  readonly #intervalMs: number
  #nextMs: number
  #lastMs: number
  #beforeLastMs: number
  /** Of the publication in hand, the keys still to be told, and since when. */
  #owedKeys = 0
  #sinceMs: number

  constructor(state: ReplicatedState, random: Random, intervalMs: number, nowMs: number) {
    this.#state = state
    this.#random = random
    this.#intervalMs = intervalMs
    this.#nextMs = nowMs + random.below(intervalMs)
    this.#lastMs = nowMs
    this.#beforeLastMs = nowMs
    this.#sinceMs = nowMs
  }

  /** Whether it is time for the tick frame, which is a heartbeat even when there is nothing to tell. */
  isTickDue(nowMs: number): boolean {
    return nowMs >= this.#nextMs
  }

  isFlushDue(nowMs: number): boolean {
    return this.#state.flushWanted && nowMs - this.#lastMs >= EARLY_FLUSH_MS
  }

  /** A publication of many keys is under way, a part at each tick, so that none takes long. */
  get isUnderWay(): boolean {
    return this.#owedKeys > 0
  }

  /** The counts to publish now, in messages that each fit a frame. */
  take(nowMs: number): Counts[] {
    this.#advance(nowMs)
    return this.#state.takeDelta(this.#sinceMs, nowMs, DELTA_KEYS_PER_TICK)
  }

  /** The same, for everybody of those keys alone of which it is to be told. */
  takeFor(audience: AudienceOf, nowMs: number): CountsFor {
    this.#advance(nowMs)
    return this.#state.takeDeltaFor(audience, this.#sinceMs, nowMs, DELTA_KEYS_PER_TICK)
  }

  /** Everything not sent yet, at once: last words. */
  takeAll(nowMs: number): Counts[] {
    return this.#state.takeDelta(this.#unsentSinceMs, nowMs)
  }

  takeAllFor(audience: AudienceOf, nowMs: number): CountsFor {
    return this.#state.takeDeltaFor(audience, this.#unsentSinceMs, nowMs)
  }

  get #unsentSinceMs(): number {
    return Math.min(this.#sinceMs, this.#beforeLastMs)
  }

  #advance(nowMs: number): void {
    if (this.isTickDue(nowMs)) this.#nextMs = nowMs + this.#jittered()
    if (!this.isUnderWay) this.#begin(nowMs)
    this.#owedKeys = Math.max(0, this.#owedKeys - DELTA_KEYS_PER_TICK)
  }

  #begin(nowMs: number): void {
    this.#owedKeys = this.#state.unsentKeys
    this.#sinceMs = this.#beforeLastMs
    this.#beforeLastMs = this.#lastMs
    this.#lastMs = nowMs
  }

  #jittered(): number {
    const span = Math.max(1, Math.round(this.#intervalMs * GOSSIP_JITTER))
    return this.#intervalMs - span + this.#random.below(2 * span + 1)
  }
}
