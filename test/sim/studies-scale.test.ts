import { describe, expect, it } from 'vitest'
import { scaleStudy } from '../../sim/studies/scale.ts'
import { runAtScale } from '../../sim/studies/scale-run.ts'
import { runTelling } from '../../sim/studies/telling-run.ts'

const small = { seed: 1, nodes: 4, keys: 20, checksPerNodePerS: 2_000, loadMs: 1_000 }

describe('a cluster under load at some size', () => {
  it('is exact in health, and nearly so when a node has died', () => {
    const { healthy, withDeath, checks } = runAtScale(small, () => undefined)
    expect(checks).toBeGreaterThan(6_000)
    expect(healthy.ideal).toBe(20 * 60)
    expect(healthy.share).toBeGreaterThan(0.999)
    expect(healthy.overshoot).toBeLessThan(1)
    expect(withDeath.share).toBeGreaterThan(0.95)
  })

  it('is the same again for the same seed', () => {
    const once = runAtScale(small, () => undefined)
    expect(runAtScale(small, () => undefined)).toEqual(once)
  })

  it('counts what nodes send, and how long answers take', () => {
    const { bytesPerNodePerS, messagesPerNodePerS, p50Ms, p99Ms } = runAtScale(
      small,
      () => undefined,
    )
    expect(bytesPerNodePerS).toBeGreaterThan(messagesPerNodePerS)
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms)
    expect(p99Ms).toBeLessThan(10)
  })
})

describe('what a node sends for the keys it owns', () => {
  it('grows with the number of nodes while all hold every key, and not once three do', () => {
    const told = [8, 16, 17, 24].map((nodes) => runTelling({ seed: 1, nodes, keys: 40 }))
    expect(told.map(({ copies }) => copies)).toEqual([8, 16, 3, 3])
    const [eight, sixteen, seventeen, more] = told.map(({ countBytesPerS }) => countBytesPerS)
    expect(sixteen).toBeGreaterThan(1.6 * (eight as number))
    expect(seventeen).toBeLessThan((sixteen as number) / 5)
    // Only the heads of frames to seven peers more.
    expect(more).toBeLessThan((seventeen as number) + 7 * 2 * HEAD_BYTES_MAX)
  }, 120_000)
})

/** With one key each, a frame on a stream is hardly more than its head. */
const HEAD_BYTES_MAX = 100

describe('the study of sizes', () => {
  it('tells of every size up to the one asked for, beside what is expected of it', () => {
    const report = scaleStudy.run({ seed: 1, nodes: 2, command: 'sim scale' }, () => undefined)
    expect(report.tables[0]?.rows.map(([nodes]) => nodes)).toEqual([1, 2])
    expect(report.tables[0]?.rows[0]?.[2]).toBe('100.00%')
    expect(report.figures.map(({ id }) => id)).toEqual(['accuracy', 'traffic'])
  })
})
