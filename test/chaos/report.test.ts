import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { markedPart } from '../../sim/command/marked-part.ts'
import { rowsIn } from '../../sim/command/scenario-table.ts'
import { FAULTS } from './faults/all.ts'
import type { Outcome } from './inject.ts'
import { MARK, rowOf, tableOf, withTable } from './report.ts'

const guarantees = readFileSync(new URL('../../docs/guarantees.md', import.meta.url), 'utf8')
const cells = markedPart(guarantees, MARK)
  .part.split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.slice(2, -2).split(' | '))

describe('the table of faults in the guarantees', () => {
  test('has every fault with its story and formula, in order: npm run chaos -- --write docs/guarantees.md', () => {
    const told = cells.map(([name, story, , formula]) => ({ name, story, formula }))
    const expected = FAULTS.map(({ name, story, formula }) => {
      return { name: `\`${name}\``, story, formula }
    })
    expect(told).toEqual(expected)
  })

  test.each(cells)('says that %s was within its bound', (...cell) => {
    expect(cell.at(-1)).toBe('within')
    expect(Number(cell[2])).toBeGreaterThan(0)
  })
})

const outcome: Outcome = {
  ...{ fault: 'kill-owner', checks: 1_000, allowed: 400, bound: 10, sure: 1, seen: 2 },
  ...{
    unprepared: 0,
    stoodIn: 0,
    wronglyRefused: 0.01,
    slowestMs: 120,
    lost: 0,
    odd: {},
    isWithin: true,
  },
  ...{ noticed: [], unnoticed: [], falseDeaths: [], violations: [] },
}
const [fault] = FAULTS as [(typeof FAULTS)[number]]

describe('a row', () => {
  test('tells of the injection that came nearest to its bound, and the worst answers of all', () => {
    const near = { ...outcome, sure: 9, seen: 12, slowestMs: 90 }
    const row = rowOf(fault, [outcome, near, { ...outcome, lost: 2 }], { guarantees })
    expect(row).toMatchObject({ times: 3, sure: 9, seen: 12, slowestMs: 120, lost: 2 })
    expect(row.wronglyRefused).toBeCloseTo(0.01)
    expect(row.simulated).toBe(
      rowsIn(guarantees).find((one) => one.scenario === 'kill-owner')?.worst,
    )
  })

  test('says so when anything was violated, or why nothing was tried', () => {
    const bad = { ...outcome, violations: ['O = 20 is above the bound 10'] }
    expect(tableOf([rowOf(fault, [outcome, bad], { guarantees })], [])[2]).toMatch(/ VIOLATED \|$/)
    const failed = rowOf(fault, [outcome], { guarantees, failures: ['it did not heal'] })
    expect(tableOf([failed], [])[2]).toMatch(/ VIOLATED \|$/)
    expect(tableOf([rowOf(fault, [], { guarantees, skipped: 'no root' })], [])[2]).toMatch(
      / skipped: no root \|$/,
    )
  })

  test('comes with what is in the bounds beside the formulas', () => {
    const late = { ...outcome, unprepared: 2 }
    const slow = { ...outcome, stoodIn: 7 }
    const text = tableOf([rowOf(fault, [outcome, late, slow], { guarantees })], []).join('\n')
    expect(text).toContain(
      '- `kill-owner`, in 3 injections: 2 hand-overs missed, B + R·Δ each; 7 tokens admitted by stand-ins for a late owner.',
    )
    expect(tableOf([rowOf(fault, [outcome], { guarantees })], []).join()).not.toContain('beside')
  })

  test('comes with how soon others noticed', () => {
    const noticed = [40, 130, 60].map((tookMs) => {
      return { what: 'killed' as const, observer: 'b', subject: 'a', tookMs }
    })
    const lines = tableOf([], [{ ...outcome, noticed }]).join('\n')
    expect(lines).toContain('| 100 ms | 40 ms | 60 ms | 130 ms | 3, 1 later than that |')
  })

  test('is written between its marks', () => {
    const around = 'a\n<!-- chaos:begin -->\nold\n<!-- chaos:end -->\nb'
    expect(withTable(around, ['new'])).toBe(around.replace('old', 'new'))
  })
})
