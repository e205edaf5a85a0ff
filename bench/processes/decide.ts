import { TICK_MS } from '../../cluster/limits.ts'
import type { KeyStore } from '../../src/limiter/key-store.ts'
import type { Node } from '../../src/node.ts'
import { loneNode, tick } from '../lone-node.ts'
import { work } from '../worker.ts'
import { keyText, RULE } from '../workload.ts'

// Decisions of one node inside this process: of keys drawn evenly from so many, or of new keys only when the table is full
// of those.
//
// Times are of the processor and not of the clock, so that other programs do not count. Checks come in
// blocks. The keys of a block are written just before it, as they would come out of requests: the string is
// new and at hand, the key's row is wherever memory has it. Writing is not counted, and neither are ticks,
// which run at their time and are counted by themselves.

export interface DecideJob {
  readonly keys: number
  readonly durationMs: number
  /** The same for all jobs of a process, but that what asks `new` keys may be given room. */
  readonly asks: Asks
}

/**
 * `held`: keys that the table was filled with. `new`: keys never seen, each of which has to evict another. `new-with-room`:
 * the same, after as many as are asked have been forgotten.
 */
export type Asks = 'held' | 'new' | 'new-with-room'

export interface DecideResult {
  readonly nsPerCheck: number
  /** Time of ticks for each check. */
  readonly tickNsPerCheck: number
  /** Live keys given up for new ones. */
  readonly evicted: number
}

/** Enough for asking the time to cost nothing, few enough for their strings to stay at hand. */
const BLOCK = 2_000
const NS_PER_US = 1_000
/** No refusals: every check is admitted and recorded, which is the longer way. */
const LIMIT = { rate: { count: 1_000_000, periodMs: 1_000 }, burst: 1_000_000 }
/** Slow enough for one token not to come back meanwhile: a key whose bucket is full again is given up at first sight. */
const LIVE_LIMIT = { rate: { count: 100, periodMs: 86_400_000 }, burst: 100 }

class Bench {
  readonly #node: Node
  readonly #texts: Buffer
  readonly #textBytes: number
  readonly #keys: number
  #draw = 1
  #newest: number
  #tickedMs = 0

  constructor({ keys, asks }: DecideJob) {
    this.#keys = keys
    this.#newest = keys
    const limit = asks === 'held' ? LIMIT : LIVE_LIMIT
    this.#node = loneNode({ name: RULE, limits: [limit] }, keys, wallMs())
    const texts = Array.from({ length: keys }, (_, number) => keyText(number))
    this.#textBytes = keyText(0).length
    this.#texts = Buffer.from(texts.join(''), 'latin1')
    for (const key of texts) this.#node.check({ rule: RULE, key, cost: 1 }, wallMs())
    this.#tickIfDue()
  }

  run({ durationMs, asks }: DecideJob): DecideResult {
    const evictedBefore = this.#store.evicted
    const endMs = performance.now() + durationMs
    let checks = 0
    let checkUs = 0
    let tickUs = 0
    while (performance.now() < endMs) {
      if (asks === 'new-with-room') this.#makeRoom()
      const requests = Array.from({ length: BLOCK }, () => ({
        rule: RULE,
        key: asks === 'held' ? this.#someKey() : this.#newKey(),
        cost: 1,
      }))
      const nowMs = wallMs()
      const start = process.cpuUsage()
      for (const request of requests) {
        const answer = this.#node.check(request, nowMs)
        if (answer.type !== 'answer' || !answer.allowed) throw new Error('a check was not allowed')
      }
      checkUs += microsecondsSince(start)
      checks += BLOCK
      tickUs += this.#tickIfDue()
    }
    const evicted = this.#store.evicted - evictedBefore
    const owed = asks === 'new' ? checks : 0
    if (evicted !== owed) throw new Error(`${evicted} live keys were evicted, not ${owed}`)
    const perCheck = NS_PER_US / checks
    return { nsPerCheck: checkUs * perCheck, tickNsPerCheck: tickUs * perCheck, evicted }
  }

  get #store(): KeyStore {
    const state = this.#node.limiter.rule(RULE)
    if (state === undefined) throw new Error('the rule is gone')
    return state.store
  }

  /** As a sweep lets go of keys; in a full table of one node every row is a key's. */
  #makeRoom(): void {
    const nowMs = wallMs()
    for (let left = BLOCK; left > 0; left--) this.#store.forget(this.#store.nextRow(), nowMs)
  }

  /** A flat string again. */
  #newKey(): string {
    return Buffer.from(keyText(this.#newest++), 'latin1').toString('latin1')
  }

  /** A new, flat string, as a parser makes it. Numerical Recipes' generator: the next of all 2^32. */
  #someKey(): string {
    this.#draw = (Math.imul(this.#draw, 1_664_525) + 1_013_904_223) >>> 0
    const at = Math.floor((this.#draw / 2 ** 32) * this.#keys) * this.#textBytes
    return this.#texts.toString('latin1', at, at + this.#textBytes)
  }

  #tickIfDue(): number {
    const nowMs = wallMs()
    if (nowMs - this.#tickedMs < TICK_MS) return 0
    this.#tickedMs = nowMs
    const start = process.cpuUsage()
    tick(this.#node, nowMs)
    return microsecondsSince(start)
  }
}

function microsecondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return user + system
}

function wallMs(): number {
  return Math.floor(performance.timeOrigin + performance.now())
}

const benches = new Map<number, Bench>()

work((job: DecideJob): DecideResult => {
  const bench = benches.get(job.keys) ?? new Bench(job)
  benches.set(job.keys, bench)
  return bench.run(job)
})
