import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CALENDAR_UNITS } from '../../src/rules/calendar.ts'
import { parseRate, renderRate, UNIT_MS } from '../../src/rules/rate.ts'

function mistakeIn(text: string): string {
  const parsed = parseRate(text)
  return 'code' in parsed ? parsed.message : ''
}

describe('a rate', () => {
  it.each([
    ['100/s', 100, 1_000],
    ['5000/10s', 5_000, 10_000],
    ['7/m', 7, 60_000],
    ['30/h', 30, 3_600_000],
    ['100000/d', 100_000, 86_400_000],
    ['1/250ms', 1, 250],
  ])('%s is %i tokens in %i ms', (text, count, periodMs) => {
    expect(parseRate(text)).toEqual({ count, periodMs })
    expect(renderRate({ count, periodMs })).toBe(text)
  })

  it.each(CALENDAR_UNITS)('may be counted by the %s of a calendar', (unit) => {
    expect(parseRate(`1000/${unit}`)).toEqual({ count: 1_000, unit })
  })

  it.each([
    ['5/2months', 'write 5/month'],
    ['5/10day', 'write 5/day'],
    ['5/months', '(did you mean "month"?)'],
    ['5/w', '(did you mean "week"?)'],
    ['5/fortnight', 'known: ms, s, m, h, d, minute, hour, day, week, month, year'],
  ])('%s is told how to be mended', (text, mend) => {
    expect(mistakeIn(text)).toContain(mend)
  })

  it('survives being written and read again', () => {
    const rate = fc.record({
      count: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      periodMs: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    })
    fc.assert(
      fc.property(rate, (value) => {
        expect(parseRate(renderRate(value))).toEqual(value)
      }),
    )
  })

  it.each([
    '',
    '/',
    '5',
    '5/',
    '/s',
    '-5/s',
    '+5/s',
    '05/s',
    '5/s ',
    '5/S',
    '5/s/s',
    '٥/s',
    '1e3/s',
    '0x5/s',
  ])('%j is refused in words', (text) => {
    expect(mistakeIn(text)).toMatch(/^rate ".*" /)
  })

  it.each([
    ['5/sec', 's'],
    ['5/seconds', 's'],
    ['5/min', 'm'],
    ['5/hours', 'h'],
    ['5/days', 'd'],
  ])('%s suggests the unit %s', (text, unit) => {
    expect(Object.keys(UNIT_MS)).toContain(unit)
    expect(mistakeIn(text)).toContain(`(did you mean "${unit}"?)`)
  })
})
