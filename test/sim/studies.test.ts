import { describe, expect, test } from 'vitest'
import { compare } from '../../sim/compare/compare.ts'
import { COMPARE_DEFAULTS } from '../../sim/compare/options.ts'
import { STUDIES } from '../../sim/studies/all.ts'
import { compareReport } from '../../sim/studies/compare-report.ts'
import { gossipStudy } from '../../sim/studies/gossip.ts'
import { columnOf, expectReadable, runStudy, textOf } from './studies-samples.ts'

test('every study has a name of its own and a line that says what it asks', () => {
  const names = STUDIES.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['partition', 'convergence', 'gossip', 'compare']))
  expect(new Set(names).size).toBe(names.length)
  for (const { name, summary } of STUDIES) {
    expect(name).toMatch(/^[a-z]+$/)
    expect(summary.length).toBeGreaterThan(20)
  }
})

describe('gossip among five nodes', () => {
  const options = { seed: 1, nodes: 5, seeds: 1 }
  const { report } = runStudy(gossipStudy, options)

  test('is a report that can be read, and the same again', () => {
    expectReadable(report, 'npm run sim -- gossip --seed 1')
    expect(runStudy(gossipStudy, options).report).toEqual(report)
  })

  test('a shorter interval tells sooner and costs as many times the frames', () => {
    const intervals = columnOf(report, 'Measured and formula', 'interval, ms')
    const known = columnOf(report, 'Measured and formula', 'all know, ms')
    const frames = columnOf(report, 'Measured and formula', 'frames/s')
    expect(intervals).toHaveLength(20)
    for (const [row, intervalMs] of intervals.entries()) {
      expect(Number(known[row]) / Number(intervalMs)).toBeGreaterThan(0.85)
      expect(Number(known[row]) / Number(intervalMs)).toBeLessThan(1.3)
    }
    const [fast, slow] = [frames[1], frames[9]]
    expect(Number(fast) / Number(slow)).toBeGreaterThan(4.5)
    expect(Number(fast) / Number(slow)).toBeLessThan(5.5)
  })

  test('the death of an owner costs no more than its bound at any interval', () => {
    const table = 'The death of an owner, and its bound'
    const bounds = columnOf(report, table, 'bound').map(Number)
    expect(bounds).toEqual([10, 15, 100, 100])
    for (const label of ['100 ms', '500 ms', '2,000 ms']) {
      const overshoots = columnOf(report, table, label).map(Number)
      for (const [row, bound] of bounds.entries()) {
        expect(overshoots[row]).toBeLessThanOrEqual(bound + 1)
      }
      expect(overshoots[3]).toBeGreaterThan(90)
    }
    expect(textOf(report, 'deaths')).toContain('ambushed after its tick')
  })
})

describe('the comparison of architectures', () => {
  const phasesMs = { healthy: 2_000, outage: 2_000, recovered: 2_000, split: 3_000, healed: 2_000 }
  const workload = { ...COMPARE_DEFAULTS.workload, keys: 5 }
  const found = compare({ seed: 1, phasesMs, workload })
  const report = compareReport({ seed: 1, command: 'again' }, found)

  test('is a report that can be read', () => {
    expectReadable(report, 'again')
  })

  test('shows each architecture in every table, and each phase', () => {
    const names = found.summaries.map(({ architecture }) => architecture)
    for (const { title } of report.tables) {
      expect(columnOf(report, title, 'architecture')).toEqual(names)
    }
    expect(report.tables[1]?.columns.map(({ label }) => label)).toEqual([
      'architecture',
      ...found.phases.map(({ name }) => name),
    ])
  })

  test("draws Weir's bounds, and no bound for those that promise none", () => {
    const text = textOf(report, 'overshoot')
    const labels = [...text.matchAll(/"text":"([^"]*)"/g)].map(([, label]) => label)
    expect(labels.filter((label) => / of \d/.test(label ?? ''))).toHaveLength(2)
    expect(labels).toHaveLength(found.summaries.length)
  })

  test('shades the outage and the split, and draws no more lines than there are colours', () => {
    const text = textOf(report, 'admitted')
    expect(text).toContain('"text":"outage"')
    expect(text).toContain('"text":"split"')
    expect(text).toContain('time, s')
    expect(text).toContain('weir, majority')
  })

  test('does not hide what does not flatter Weir', () => {
    expect(report.lead).toContain('What does not flatter Weir')
    const weir = found.rows.find(
      ({ architecture, phase }) => architecture === 'weir, majority' && phase === 'healthy',
    )
    expect(report.lead).toContain(
      `${Number(weir?.messagesPerCheck.toPrecision(2))} messages a check`,
    )
  })
})
