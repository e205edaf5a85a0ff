import { describe, expect, test } from 'vitest'
import { convergenceStudy } from '../../sim/studies/convergence.ts'
import { sizesUpTo } from '../../sim/studies/convergence-runs.ts'
import { atOnceShare, hops, pushRounds, serfRounds, serfShare } from '../../sim/studies/epidemic.ts'
import { healingMs } from '../../sim/studies/healing.ts'
import { meanOf, quantile, shareThatKnows, sow, untilAllKnowMs } from '../../sim/studies/spread.ts'
import { Steps } from '../../sim/studies/steps.ts'
import { columnOf, expectReadable, runStudy, textOf } from './studies-samples.ts'

const steps = () => new Steps(1, () => undefined)
const sowing = { seed: 1, nodes: 10, admissions: 100, everyMs: 40, waitMs: 3_000 }

describe('news of an admission', () => {
  const spread = sow(sowing, steps())
  const times = untilAllKnowMs(spread)

  test('reaches everybody after half an interval on average, and hardly more than one at worst', () => {
    expect(times).toHaveLength(100)
    expect(meanOf(times)).toBeGreaterThan(200)
    expect(meanOf(times)).toBeLessThan(310)
    expect(times.at(-1)).toBeGreaterThan(400)
    expect(times.at(-1)).toBeLessThan(1.1 * 500 + 10 + 4 * 2)
  })

  test('is known to its author alone at first, and to all in the end', () => {
    expect(shareThatKnows(spread, 0)).toBeCloseTo(0.1, 5)
    expect(shareThatKnows(spread, 250)).toBeGreaterThan(0.35)
    expect(shareThatKnows(spread, 250)).toBeLessThan(0.65)
    expect(shareThatKnows(spread, 600)).toBe(1)
  })

  test('comes to all within a few hops, even of what is admitted while older news is on its way', () => {
    const dense = sow({ ...sowing, admissions: 400, everyMs: 3 }, steps())
    for (const heard of dense.heardMs) {
      expect((heard.at(-1) ?? 0) - (heard[0] ?? 0)).toBeLessThan(12)
    }
  })

  test('takes as many frames as nodes and mesh peers make', () => {
    expect(spread.messagesPerS).toBeGreaterThan(9 * 3 * 2 * 0.95)
    expect(spread.messagesPerS).toBeLessThan(9 * 3 * 2 * 1.5)
    expect(spread.bytesPerS / spread.messagesPerS).toBeGreaterThan(30)
    expect(spread.repaired).toBe(0)
  })

  test('takes longer where it goes unheard, and is made up for by comparing', () => {
    const lossy = sow({ ...sowing, network: { gossipLoss: 0.3 } }, steps())
    expect(untilAllKnowMs(lossy)).toHaveLength(100)
    expect(lossy.repaired).toBeGreaterThan(50)
    expect(meanOf(untilAllKnowMs(lossy))).toBeGreaterThan(meanOf(times) + 50)
  })
})

test('replicas are equal soon after a split, and were not before', () => {
  const ms = healingMs(1, 10, steps()) ?? Number.NaN
  expect(ms).toBeGreaterThan(0)
  expect(ms).toBeLessThan(1_000)
})

describe('epidemic formulas give the numbers they are known for', () => {
  test('push rounds with a fanout of 3', () => {
    const rounds = [3, 10, 30, 100, 1_000].map((nodes) => pushRounds(nodes, 3))
    const known = [1.2, 2.4, 3.6, 4.9, 7.3]
    for (const [at, round] of rounds.entries()) expect(round).toBeCloseTo(known[at] ?? 0, 0.8)
  })

  test('the model of Serf: 3.5 s for 3 nodes and 5.4 s for 1,000 at half a second a round', () => {
    expect(serfRounds(3, 3) / 2).toBeCloseTo(3.5, 1)
    expect(serfRounds(1_000, 3) / 2).toBeCloseTo(5.4, 1)
    expect(serfShare({ nodes: 100, fanout: 3 }, serfRounds(100, 3))).toBeCloseTo(0.9999, 6)
    expect(serfShare({ nodes: 100, fanout: 3, loss: 0.5 }, 6)).toBe(
      serfShare({ nodes: 100, fanout: 3 }, 3),
    )
  })

  test('hops: one where all are linked, the logarithm in a mesh, half way round a ring', () => {
    expect(hops(3, 3)).toBe(1)
    expect(hops(1_000, 3)).toBeCloseTo(10, 1)
    expect(hops(30, 2)).toBe(15)
  })

  test('relayed at once, the share grows evenly over one interval', () => {
    const setting = { nodes: 11, fanout: 10, intervalMs: 500, hopMs: 0 }
    expect(atOnceShare(setting, 0)).toBeCloseTo(1 / 11, 9)
    expect(atOnceShare(setting, 250)).toBeCloseTo(6 / 11, 9)
    expect(atOnceShare(setting, 900)).toBe(1)
  })
})

test('quantiles are by nearest rank', () => {
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2)
  expect(quantile([1, 2, 3, 4], 0.99)).toBe(4)
  expect(quantile([], 0.5)).toBe(0)
})

test('clusters are looked at from 3 up to the largest asked for', () => {
  expect(sizesUpTo()).toEqual([3, 10, 30, 100])
  expect(sizesUpTo(50)).toEqual([3, 10, 30, 50])
  expect(sizesUpTo(3)).toEqual([3])
})

describe('the report', () => {
  const options = { seed: 1, nodes: 10, seeds: 1 }
  const { report, shares } = runStudy(convergenceStudy, options)

  test('can be read', () => {
    expectReadable(report, 'npm run sim -- convergence --seed 1')
    expect(shares[0]).toBe(0)
    expect(shares.at(-1)).toBeLessThan(1)
  })

  test('overlays formulas on what was measured', () => {
    const text = textOf(report, 'until-all-know')
    for (const name of ['Weir, mean', 'Weir, 99th percentile', 'push on the tick', 'measured']) {
      expect(text).toContain(name)
    }
    expect(textOf(report, 'relayed-at-once')).toContain("Serf's model, 200 ms")
    expect(textOf(report, 'loss')).toContain('30% unheard')
    const measured = columnOf(report, 'Time until all nodes know', 'mean')
    const formula = columnOf(report, 'Time until all nodes know', 'g/2 + hδ')
    for (const [row, ms] of measured.entries()) {
      expect(Math.abs(Number(ms) - Number(formula[row]))).toBeLessThan(30)
    }
  })

  test('is the same again', () => {
    expect(runStudy(convergenceStudy, options).report).toEqual(report)
  })
})
