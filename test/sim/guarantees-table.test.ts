import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isWithin } from '../../sim/checkers/whole-token.ts'
import { tokensText } from '../../sim/command/number-text.ts'
import { rowsIn, withTable } from '../../sim/command/scenario-table.ts'
import { SCENARIOS } from '../../sim/scenarios/all.ts'

const text = readFileSync(new URL('../../docs/guarantees.md', import.meta.url), 'utf8')
const rows = rowsIn(text)

describe('the table of scenarios in the guarantees', () => {
  test('has every scenario with its formula and bound, in order: npm run sim -- all --seeds 200 --write docs/guarantees.md', () => {
    const told = rows.map(({ scenario, formula, bound }) => ({ scenario, formula, bound }))
    const expected = SCENARIOS.map(({ name, formula, setting, bound }) => ({
      scenario: name,
      formula,
      bound: tokensText(bound(setting)),
    }))
    expect(told).toEqual(expected)
  })

  test.each(rows)('says that $scenario kept its bound, over enough seeds', (row) => {
    const scenario = SCENARIOS.find(({ name }) => name === row.scenario)
    expect(row.seeds).toBeGreaterThanOrEqual((scenario?.setting.nodes ?? 0) > 20 ? 10 : 200)
    expect(row.verdict).toBe('within')
    expect(isWithin(tokensOf(row.worst), tokensOf(row.bound))).toBe(true)
  })

  test('keeps the lines of scenarios that were not run', () => {
    expect(withTable(text, [])).toBe(text)
  })

  test('is written between its marks, or not at all', () => {
    expect(() => withTable('no marks', [])).toThrow('add both lines')
    const empty = withTable('a\n<!-- scenarios:begin -->\nold\n<!-- scenarios:end -->\nb', [])
    expect(empty).not.toContain('old')
    expect(empty.startsWith('a\n') && empty.endsWith('\nb')).toBe(true)
  })
})

function tokensOf(text: string): number {
  return Number(text.replaceAll(',', ''))
}
