import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Limiter } from '../src/limiter/limiter.ts'
import { createMetrics, type Metrics } from '../src/metrics/metrics.ts'
import { SnapshotFile } from '../src/snapshot-file.ts'
import { Snapshots } from '../src/snapshots.ts'
import { limiterOf, liveCounts, NOW_MS, policyOf, ruleOf, stateOf } from './support/limiters.ts'

// A limiter, a real file, and everything that can be wrong with the latter.

const SLOW = ruleOf(policyOf(60, 3_600_000, 60))
const FINGERPRINT = new Uint8Array(32).fill(7)

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-snapshots-'))
  path = join(folder, 'snapshot')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** One life of a node, as far as snapshots are concerned. */
interface Life {
  readonly limiter: Limiter
  readonly snapshots: Snapshots
  readonly metrics: Metrics
  readonly log: { readonly event: string; readonly msg?: string; readonly reason?: string }[]
}

function begin({
  incarnation = 1,
  nowMs = NOW_MS,
  fingerprint = FINGERPRINT,
  everyMs = 3_600_000,
  keysMax = 256,
} = {}): Life {
  const limiter = limiterOf([SLOW], 'n1', { incarnation, keysMax, numbersMax: 5_000 })
  const metrics = createMetrics({ book: { version: '1', definitions: [], coreRules: [] } })
  const log: Life['log'] = []
  const lines = { write: (line: string) => log.push(JSON.parse(line)) }
  const snapshots = new Snapshots(
    { limiter, clock: { nowMs: () => nowMs }, metrics, log: pino({ base: null }, lines) },
    { file: new SnapshotFile(path), fingerprint, everyMs },
  )
  return { limiter, snapshots, metrics, log }
}

function take(limiter: Limiter, key: string, cost: number): void {
  const state = stateOf(limiter)
  state.decide(state.hash(key), cost, NOW_MS)
}

async function metricOf({ metrics }: Life, series: string): Promise<number> {
  const lines = (await metrics.exposition()).split('\n')
  return Number(lines.find((line) => line.startsWith(`${series} `))?.slice(series.length))
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error('it did not come true within 10 s')
    await new Promise((resume) => setTimeout(resume, 5))
  }
}

/** A node that has admitted something, and has ended in order. */
async function lastLife(): Promise<Life> {
  const life = begin()
  for (const key of ['a', 'b']) take(life.limiter, key, 5)
  await life.snapshots.close()
  return life
}

describe('the next life of a node', () => {
  test('knows what the last one admitted, and its own counts begin anew', async () => {
    const last = await lastLife()
    expect(await metricOf(last, 'rate_limiter_snapshots_total{result="written"}')).toBe(1)
    const next = begin({ incarnation: 2 })
    await next.snapshots.load()
    expect(liveCounts(next.limiter, ['a', 'b'], NOW_MS)).toEqual(
      liveCounts(last.limiter, ['a', 'b'], NOW_MS),
    )
    take(next.limiter, 'a', 1)
    expect(liveCounts(next.limiter, ['a'], NOW_MS)).toHaveLength(2)
    expect(next.log).toEqual([expect.objectContaining({ event: 'snapshot_loaded', counts: 2 })])
    const series = 'rate_limiter_snapshot_timestamp_seconds'
    expect(await metricOf(next, series)).toBe(NOW_MS / 1_000)
  })

  test('knows it of more keys than are written or read at once', async () => {
    const last = begin({ keysMax: 65_536 })
    for (let key = 0; key < 40_000; key++) take(last.limiter, `k${key}`, 5)
    last.snapshots.start()
    await last.snapshots.close()
    expect(readFileSync(path).length).toBeGreaterThan(512 * 1024)
    const next = begin({ incarnation: 2, keysMax: 65_536 })
    await next.snapshots.load()
    expect(next.log).toEqual([expect.objectContaining({ event: 'snapshot_loaded' })])
    expect(stateOf(next.limiter).store.table.keys).toBe(40_000)
  })

  test('begins with nothing if there never was one', async () => {
    const first = begin()
    await first.snapshots.load()
    expect(stateOf(first.limiter).store.table.keys).toBe(0)
    expect(first.log).toEqual([])
  })

  test('finds the old one, whole, if the last one ended while it wrote', async () => {
    await lastLife()
    const file = readFileSync(path)
    writeFileSync(`${path}.tmp`, file.subarray(0, 50))
    const next = begin({ incarnation: 2 })
    await next.snapshots.load()
    expect(liveCounts(next.limiter, ['a', 'b'], NOW_MS)).toHaveLength(2)
    take(next.limiter, 'a', 1)
    await next.snapshots.close()
    expect(readdirSync(folder)).toEqual(['snapshot'])
  })

  test('is written every few seconds, too, for those that do not end in order', async () => {
    const life = begin({ everyMs: 20 })
    take(life.limiter, 'a', 5)
    life.snapshots.start()
    const next = begin({ incarnation: 2 })
    await until(async () => {
      await next.snapshots.load()
      return liveCounts(next.limiter, ['a'], NOW_MS).length === 1
    })
    await life.snapshots.close()
  })
})

describe('a snapshot that cannot be used', () => {
  async function refused(reason: string, options: Parameters<typeof begin>[0] = {}): Promise<void> {
    const next = begin({ incarnation: 2, ...options })
    await next.snapshots.load()
    expect(stateOf(next.limiter).store.table.keys).toBe(0)
    expect(next.log).toEqual([expect.objectContaining({ event: 'snapshot_refused', reason })])
    expect(next.log[0]?.msg).toContain(path)
    const series = `rate_limiter_snapshots_refused_total{reason="${reason}"}`
    expect(await metricOf(next, series)).toBe(1)
  }

  test.each<[string, (file: Buffer) => Buffer]>([
    ['truncated', (file) => file.subarray(0, file.length - 1)],
    ['truncated', () => Buffer.alloc(0)],
    ['damaged', (file) => file.fill(0, 100, 101)],
    ['damaged', (file) => Buffer.concat([file, file])],
    ['version', (file) => file.fill(9, 11, 12)],
  ])('because it is %s is put aside, and changes nothing', async (reason, change) => {
    await lastLife()
    const changed = change(readFileSync(path))
    writeFileSync(path, changed)
    await refused(reason)
    expect(readdirSync(folder)).toEqual(['snapshot.rejected'])
    expect(readFileSync(`${path}.rejected`)).toEqual(changed)
  })

  test('because of where or when it was written is put aside, too', async () => {
    await lastLife()
    await refused('foreign', { fingerprint: new Uint8Array(32) })
    await lastLife()
    await refused('future', { nowMs: NOW_MS - 60_000 })
    await lastLife()
    await refused('stale', { nowMs: NOW_MS + 24 * 3_600_000 })
    expect(readdirSync(folder)).toEqual(['snapshot.rejected'])
  })

  test('because it cannot be read at all is left alone', async () => {
    mkdirSync(path)
    await refused('unreadable')
    expect(readdirSync(folder)).toEqual(['snapshot'])
  })
})

describe('a disk', () => {
  test('that cannot be written to costs a line in the log, and the old snapshot stays', async () => {
    await lastLife()
    const file = readFileSync(path)
    mkdirSync(`${path}.tmp`)
    const life = begin()
    take(life.limiter, 'c', 5)
    await life.snapshots.close()
    expect(life.log).toEqual([expect.objectContaining({ event: 'snapshot_failed' })])
    expect(await metricOf(life, 'rate_limiter_snapshots_total{result="failed"}')).toBe(1)
    expect(readFileSync(path)).toEqual(file)
  })

  test('that hangs delays no decision, and is not asked a second time meanwhile', async () => {
    // Whoever opens a pipe to write into it waits for somebody who reads.
    execFileSync('mkfifo', [`${path}.tmp`])
    const life = begin({ everyMs: 10 })
    life.snapshots.start()
    const skipped = () => metricOf(life, 'rate_limiter_snapshots_total{result="skipped"}')
    let longestMs = 0
    let decided = 0
    await until(async () => {
      const sinceMs = performance.now()
      take(life.limiter, `k${decided++ % 100}`, 1)
      longestMs = Math.max(longestMs, performance.now() - sinceMs)
      return (await skipped()) > 5
    })
    expect(longestMs).toBeLessThan(1_000)
    const reader = await open(`${path}.tmp`, 'r')
    const drained = (async () => {
      const piece = Buffer.alloc(65_536)
      while ((await reader.read(piece, 0, piece.length, null)).bytesRead > 0);
    })()
    await life.snapshots.close()
    await drained
    await reader.close()
    expect(life.log.map(({ event }) => event)).toContain('snapshot_skipped')
  })

  test('that hangs at the end delays it by no more than it may', async () => {
    execFileSync('mkfifo', [`${path}.tmp`])
    const life = begin()
    const sinceMs = performance.now()
    await life.snapshots.close()
    expect(performance.now() - sinceMs).toBeLessThan(15_000)
    expect(life.log).toEqual([expect.objectContaining({ event: 'snapshot_failed' })])
    const reader = await open(`${path}.tmp`, 'r')
    await reader.close()
  })
})
