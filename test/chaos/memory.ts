import { readFileSync } from 'node:fs'
import type { RealNode } from '../support/real-node.ts'

/** Resident memory of one life of a node. */
interface Sample {
  readonly atMs: number
  readonly bytes: number
}

/** A fresh process grows until it has compiled everything and its heap has found its size. */
const WARM_UP_SHARE = 0.25
/** Shorter lives are all warm-up. */
const JUDGED_MS_MIN = 300_000

export interface MemoryRow {
  readonly node: string
  readonly aliveMs: number
  readonly warmBytes: number
  readonly lastBytes: number
  readonly mostBytes: number
  /** From the end of its warm-up to its end, as a share; undefined for a life that was too short to tell. */
  readonly growth: number | undefined
}

/** How the memory of nodes grows, as the system sees it. Linux. */
export class Memory {
  readonly #samples = new Map<RealNode, Sample[]>()

  sample(nodes: readonly RealNode[]): void {
    for (const node of nodes) {
      const bytes = residentBytes(node.pid)
      if (bytes === undefined) continue
      const samples = this.#samples.get(node) ?? []
      this.#samples.set(node, samples)
      samples.push({ atMs: performance.now(), bytes })
    }
  }

  /** The longest life of each node. */
  rows(): MemoryRow[] {
    const rows = [...this.#samples].map(([node, samples]) => rowOf(node.name, samples))
    const longest = new Map<string, MemoryRow>()
    for (const row of rows)
      if (row.aliveMs >= (longest.get(row.node)?.aliveMs ?? 0)) longest.set(row.node, row)
    return [...longest.values()].sort((a, b) => (a.node < b.node ? -1 : 1))
  }
}

function rowOf(node: string, samples: readonly Sample[]): MemoryRow {
  const fromMs = samples[0]?.atMs ?? 0
  const aliveMs = (samples.at(-1)?.atMs ?? 0) - fromMs
  // Garbage collection makes single samples jump: each is the median of a quarter of the time after the warm-up.
  const part = aliveMs * ((1 - WARM_UP_SHARE) / 4)
  const warmMs = fromMs + aliveMs * WARM_UP_SHARE
  const warmBytes = median(samples.filter(({ atMs }) => atMs >= warmMs && atMs <= warmMs + part))
  const lastBytes = median(samples.filter(({ atMs }) => atMs >= fromMs + aliveMs - part))
  const mostBytes = Math.max(...samples.map(({ bytes }) => bytes))
  const growth = aliveMs < JUDGED_MS_MIN ? undefined : lastBytes / warmBytes - 1
  return { node, aliveMs, warmBytes, lastBytes, mostBytes, growth }
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ bytes }) => bytes).sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

/** Undefined once the process has ended. */
function residentBytes(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib) * 1_024
  } catch {
    return undefined
  }
}
