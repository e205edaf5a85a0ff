import { describe, expect, test } from 'vitest'
import { two } from '../../sim/scenarios/splits.ts'
import { partition } from '../../sim/studies/partition.ts'
import { runSplit } from '../../sim/studies/split-run.ts'
import { Steps } from '../../sim/studies/steps.ts'
import { columnOf, expectReadable, runStudy, textOf } from './studies-samples.ts'

describe('a split of three nodes under share', () => {
  const options = { seed: 1, nodes: 3, onPartition: 'share' } as const
  const { report, shares } = runStudy(partition, options)

  test('is a report that can be read', () => {
    expectReadable(report, 'npm run sim -- partition --seed 1')
  })

  test('stays within the bound it draws, and says how far it went', () => {
    const bounds = columnOf(report, 'Bounds and what was measured', 'bound')
    const overshoots = columnOf(report, 'Bounds and what was measured', 'overshoot')
    expect(bounds).toHaveLength(2)
    for (const [row, bound] of bounds.entries()) {
      expect(overshoots[row]).toBeGreaterThan(10)
      expect(overshoots[row]).toBeLessThanOrEqual(Number(bound))
    }
    expect(report.lead).toContain('No policy admitted more than its bound')
  })

  test('draws the bound and the limit over time, with the split shaded', () => {
    const [bound] = columnOf(report, 'Bounds and what was measured', 'bound')
    const admitted = textOf(report, 'admitted-two-sides-share')
    expect(admitted).toContain(`bound: limit + ${Math.round(Number(bound))}`)
    expect(admitted).toContain('limit: 100 + 100/s')
    expect(admitted).toContain('split, 2 against 1')
    expect(textOf(report, 'overshoot-two-sides-share')).toContain(
      `bound: ${Math.round(Number(bound))}`,
    )
  })

  test('refuses wrongly what lies beyond the share of a side', () => {
    const lone = cellOf(textOf(report, 'refusals'), 'all on the other side')
    expect(lone).toBeGreaterThan(60)
    expect(lone).toBeLessThan(70)
    const larger = cellOf(textOf(report, 'refusals'), "all on the owner's side")
    expect(larger).toBeGreaterThan(25)
    expect(larger).toBeLessThan(36)
  })

  test('says what each side may admit by its own view', () => {
    const during = columnOf(report, 'What a side may admit', 'after 5 s')
    expect(during.slice(0, 2)).toEqual(['2/3 of the limit', '1/3 of the limit'])
  })

  test('tells how far it is, and gives the same report again', () => {
    expect(shares).toEqual([0, 1 / 3, 2 / 3])
    expect(runStudy(partition, options).report).toEqual(report)
  })
})

test('under majority the hold is marked, and more is admitted after it', () => {
  const { report } = runStudy(partition, { seed: 1, nodes: 3, onPartition: 'majority' })
  expect(textOf(report, 'admitted-two-sides-majority')).toContain('hold over')
  const [overshoot] = columnOf(report, 'Bounds and what was measured', 'overshoot')
  expect(overshoot).toBeGreaterThan(500)
  expect(columnOf(report, 'What a side may admit', 'after 20 s').slice(0, 2)).toEqual([
    'the whole limit',
    '1/3 of the limit',
  ])
})

test('refusals are counted on the side where they happen', () => {
  const run = runSplit(
    {
      seed: 1,
      nodes: 3,
      onPartition: 'closed',
      sides: two(2),
      demand: 'even',
      demandPerRate: 1,
    },
    new Steps(1, () => undefined),
  )
  expect(run.wrongOnOwnerSide).toBeLessThan(0.05)
  expect(run.wrongOnOtherSide).toBeGreaterThan(0.9)
})

test('one node cannot be split', () => {
  expect(() => runStudy(partition, { seed: 1, nodes: 1 })).toThrow(/at least 2 nodes/)
})

/** The number in the only column of a heat map. */
function cellOf(spec: string, row: string): number {
  const cell = new RegExp(`"row":"${row}"[^}]*"shown":"([0-9.]+)"`).exec(spec)
  return Number(cell?.[1])
}
