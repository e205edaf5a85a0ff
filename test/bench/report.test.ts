import { describe, expect, test } from 'vitest'
import { jsonLine, type Result, summary, table } from '../../bench/report.ts'
import { figure, isMet, numberText, type Row, skipped } from '../../bench/row.ts'

const fast: Row = { name: 'fast', measures: 'ns of it', unit: 'ns', target: { atMost: 250 } }
const ratio: Row = { name: 'ratio', measures: 'a / b', unit: '×', target: { atLeast: 0.8 } }
const plain: Row = { name: 'plain', measures: 'for information', unit: 'B' }

const results: readonly Result[] = [
  { row: fast, reading: figure([200, 240, 210], 'quick enough') },
  { row: ratio, reading: figure([0.7, 0.75], 'too slow') },
  { row: plain, reading: figure([1_234_567], 'just so') },
  { row: ratio, reading: skipped('there is no Redis') },
]

describe('a target', () => {
  test('that is a maximum is met up to and including it', () => {
    expect(isMet(fast, figure([250], ''))).toBe(true)
    expect(isMet(fast, figure([250.1], ''))).toBe(false)
  })

  test('that is a minimum is met from it on', () => {
    expect(isMet(ratio, figure([0.8], ''))).toBe(true)
    expect(isMet(ratio, figure([0.79], ''))).toBe(false)
  })

  test('is judged by the median, not by the worst round', () => {
    expect(isMet(fast, figure([240, 900, 230], ''))).toBe(true)
  })

  test('is neither met nor missed where there is none, or nothing was measured', () => {
    expect(isMet(plain, figure([1], ''))).toBeNull()
    expect(isMet(ratio, skipped('no reason'))).toBeNull()
  })
})

describe('the report for people', () => {
  test('has value, rounds, target and verdict side by side, and says what was skipped and why', () => {
    expect(table(results).split('\n')).toEqual([
      'row    value        rounds                  target  verdict',
      'fast   210 ns       200 .. 240              ≤ 250   met',
      '    ns of it',
      '    quick enough',
      'ratio  0.725 ×      0.7 .. 0.75             ≥ 0.8   MISSED',
      '    a / b',
      '    too slow',
      'plain  1,234,567 B  1,234,567 .. 1,234,567  -',
      '    for information',
      '    just so',
      'ratio  -                                    ≥ 0.8   skipped',
      '    a / b',
      '    skipped: there is no Redis',
    ])
  })

  test('counts the verdicts', () => {
    expect(summary(results)).toBe('1 targets met, 1 missed, 1 skipped')
  })
})

describe('the report for machines', () => {
  test('is one line of JSON with name, value, target and verdict of each row', () => {
    expect(jsonLine(results)).not.toContain('\n')
    expect(JSON.parse(jsonLine(results))).toEqual({
      rows: [
        { name: 'fast', value: 210, target: '≤ 250', met: true },
        { name: 'ratio', value: 0.725, target: '≥ 0.8', met: false },
        { name: 'plain', value: 1_235_000, target: '-', met: null },
        { name: 'ratio', value: null, target: '≥ 0.8', met: null },
      ],
    })
  })
})

test.each([
  [0.123_45, '0.123'],
  [12.345, '12.3'],
  [99.96, '100'],
  [1_234.5, '1,235'],
  [0, '0'],
  [-2.5051, '-2.51'],
])('%d is written as %s', (value, text) => expect(numberText(value)).toBe(text))
