import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { againstFormula, fleetTable, formulaBytesPerS } from '../../bench/fleet-cost.ts'
import { withTables } from '../../bench/report.ts'
import { figure, type Row } from '../../bench/row.ts'
import { markedPart } from '../../sim/command/marked-part.ts'

const KIB = 1_024
const measured = (nodes: number, idle: number, busy: number) => ({
  nodes,
  quiet: { bytesPerS: idle, cpuShare: 0.01 },
  busy: { bytesPerS: busy, cpuShare: 0.125 },
})

describe('the formula', () => {
  test.each([
    [2, 6.25],
    [3, 25],
    [16, 281.25],
    [17, 12.5],
    [1_000, 12.5],
  ])('for 100 keys of each of %i nodes is %d KiB/s', (nodes, kib) => {
    expect(formulaBytesPerS(nodes, 100) / KIB).toBe(kib)
  })

  test('is of counts alone: heartbeats are left out', () => {
    expect(againstFormula(measured(18, 50_000, 50_000 + 16_000), 100)).toBe(1.25)
  })
})

const TABLE = fleetTable(
  [
    measured(16, 20_000, 308_000),
    { nodes: 100, quiet: { bytesPerS: 1_000 }, busy: { bytesPerS: 7_400 } },
  ],
  100,
)

test('the table has a line for each size, and says which are simulated', () => {
  expect(TABLE.slice(2)).toEqual([
    '| 16 | 20 | 288 | 288 | 1.00 | 1 | 12.5 |',
    '| 100 (simulated) | 1 | 6.4 | 12.8 | 0.50 |  |  |',
  ])
})

describe('a document', () => {
  const row: Row = { name: 'r', measures: 'a / b', unit: '×', target: { atMost: 1.25 }, mark: 'm' }
  const text = 'before\n<!-- m:begin -->\nold\n<!-- m:end -->\nafter'

  test.each([
    [1.25, 'met'],
    [1.26, 'MISSED'],
  ])('gets the table of a row that is %d times its formula, with the verdict %s', (ratio, word) => {
    const reading = { ...figure([ratio], ''), table: TABLE }
    expect(withTables(text, [{ row, reading }], 'A machine.').split('\n')).toEqual([
      'before',
      '<!-- m:begin -->',
      '',
      'A machine.',
      `a / b: ${ratio} ×, target ≤ 1.25: ${word}.`,
      '',
      ...TABLE,
      '',
      '<!-- m:end -->',
      'after',
    ])
  })

  test('stays as it is where there is no table', () => {
    expect(withTables(text, [{ row, reading: figure([1], '') }], '')).toBe(text)
  })
})

test('docs/benchmarks.md has a place for the table', () => {
  const file = resolve(import.meta.dirname, '../../docs/benchmarks.md')
  expect(() => markedPart(readFileSync(file, 'utf8'), 'fleet')).not.toThrow()
})
