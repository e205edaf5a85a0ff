import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PerformanceObserver } from 'node:perf_hooks'
import { TICK_MS } from '../../cluster/limits.ts'
import { createNode, type WeirNode } from '../../src/index.ts'
import { Microseconds } from '../microseconds.ts'
import { work } from '../worker.ts'
import { keyText, RULE } from '../workload.ts'

// A node with its table full, as its own event loop sees it: a steady stream of checks, some of them of
// keys never seen, so that for each a key has to be forgotten.

export interface ChurnJob {
  readonly keys: number
  readonly checksPerSecond: number
  /** Share of checks with a new key. */
  readonly newShare: number
  readonly durationMs: number
  readonly writesSnapshots: boolean
}

export interface ChurnResult {
  readonly checks: number
  readonly p50Us: number
  readonly p999Us: number
  readonly slowestCheckMs: number
  /** The longest time in which the event loop came to nothing else, and how much of it this process ran. */
  readonly longestStallMs: number
  readonly longestStallCpuMs: number
  /** Ticks that came so late that the next was due already. */
  readonly ticksLost: number
  /** Times the program stood still for the garbage collector, the longest, and all together. */
  readonly gcPauses: number
  readonly longestGcMs: number
  readonly gcMs: number
  /** Written while it was watched, and before. */
  readonly snapshots: number
}

/** Slow enough for every key to stay live while it is watched. */
const LIMIT = { rate: { count: 100, periodMs: 60_000 }, burst: 100 }
const MS_PER_SECOND = 1_000
const US_PER_MS = 1_000
/** Filling pauses for the node's ticks after so many keys. */
const FILL_STEP = 2_000

/** How long each turn of the event loop takes, checks and ticks and collections together. */
class LoopWatch {
  longestMs = 0
  longestCpuMs = 0
  #sinceMs = performance.now()
  #sinceCpu = process.cpuUsage()

  turned(): void {
    const nowMs = performance.now()
    const { user, system } = process.cpuUsage(this.#sinceCpu)
    if (nowMs - this.#sinceMs > this.longestMs) {
      this.longestMs = nowMs - this.#sinceMs
      this.longestCpuMs = (user + system) / US_PER_MS
    }
    this.#sinceMs = nowMs
    this.#sinceCpu = process.cpuUsage()
  }
}

/** A timer like the node's own, beside it: it is late exactly when the node's is. */
class TickWatch {
  lost = 0
  #tickedMs = performance.now()
  readonly #timer = setInterval(() => {
    const nowMs = performance.now()
    this.lost += Math.max(0, Math.floor((nowMs - this.#tickedMs) / TICK_MS) - 1)
    this.#tickedMs = nowMs
  }, TICK_MS)

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** What the collector holds the program up by the clock; what it does beside it, in threads of its own, is not in it. */
class GcWatch {
  pauses = 0
  longestMs = 0
  totalMs = 0
  readonly #observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      this.pauses += 1
      this.longestMs = Math.max(this.longestMs, duration)
      this.totalMs += duration
    }
  })

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  /** Pauses are told a turn of the event loop later. */
  async stop(): Promise<void> {
    await turn()
    await turn()
    this.#observer.disconnect()
  }
}

class Churn {
  readonly #node: WeirNode
  readonly #job: ChurnJob
  readonly #latency = new Microseconds()
  #draw = 1
  #newest: number
  #slowestMs = 0
  #checks = 0

  constructor(node: WeirNode, job: ChurnJob) {
    this.#node = node
    this.#job = job
    this.#newest = job.keys
  }

  async fill(): Promise<void> {
    for (let number = 0; number < this.#job.keys; number++) {
      this.#decide(keyText(number))
      if (number % FILL_STEP === 0) await turn()
    }
  }

  async watch(): Promise<ChurnResult> {
    const { durationMs, checksPerSecond } = this.#job
    const startMs = performance.now()
    const loop = new LoopWatch()
    const ticks = new TickWatch()
    const collector = new GcWatch()
    for (let nowMs = startMs; nowMs - startMs < durationMs; nowMs = performance.now()) {
      const owed = Math.floor(((nowMs - startMs) * checksPerSecond) / MS_PER_SECOND)
      while (this.#checks < owed) this.#check()
      await turn()
      loop.turned()
    }
    ticks.stop()
    await collector.stop()
    return {
      checks: this.#checks,
      p50Us: this.#latency.percentile(0.5),
      p999Us: this.#latency.percentile(0.999),
      slowestCheckMs: this.#slowestMs,
      longestStallMs: loop.longestMs,
      longestStallCpuMs: loop.longestCpuMs,
      ticksLost: ticks.lost,
      gcPauses: collector.pauses,
      longestGcMs: collector.longestMs,
      gcMs: collector.totalMs,
      snapshots: await snapshotsOf(this.#node),
    }
  }

  #check(): void {
    const key = keyText(this.#someKey())
    const startMs = performance.now()
    this.#decide(key)
    const tookMs = performance.now() - startMs
    this.#latency.add(tookMs)
    this.#slowestMs = Math.max(this.#slowestMs, tookMs)
    this.#checks += 1
  }

  /** A node without others decides at once. */
  #decide(key: string): void {
    const answer = this.#node.check({ rule: RULE, key, cost: 1 })
    if (answer instanceof Promise || answer.type !== 'answer') throw new Error('not decided')
  }

  #someKey(): number {
    if (this.#random() < this.#job.newShare) return this.#newest++
    return this.#newest - 1 - Math.floor(this.#random() * this.#job.keys)
  }

  /** Numerical Recipes' generator, as a share of 1. */
  #random(): number {
    this.#draw = (Math.imul(this.#draw, 1_664_525) + 1_013_904_223) >>> 0
    return this.#draw / 2 ** 32
  }
}

async function snapshotsOf(node: WeirNode): Promise<number> {
  const { body } = await node.admin.inject('/metrics')
  return Number(/^rate_limiter_snapshots_total\{result="written"\} (\d+)$/m.exec(body)?.[1])
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

work(async (job: ChurnJob): Promise<ChurnResult> => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  const node = await createNode({
    rules: [{ name: RULE, limits: [LIMIT] }],
    keysMax: job.keys,
    ...(job.writesSnapshots && { snapshotFile: join(folder, 'snapshot') }),
  })
  const churn = new Churn(node, job)
  await churn.fill()
  const result = await churn.watch()
  await node.close()
  rmSync(folder, { recursive: true })
  return result
})
