import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CALENDAR_UNITS, calendarOf, longestUnitMs } from '../../src/rules/calendar.ts'

const HOUR_MS = 3_600_000

function unitAt(unit: (typeof CALENDAR_UNITS)[number], timeZone: string, time: string) {
  const { startMs, endMs } = calendarOf(unit, timeZone).at(Date.parse(time))
  return {
    start: new Date(startMs).toISOString(),
    hours: (endMs - startMs) / HOUR_MS,
  }
}

describe('a calendar', () => {
  it('knows how long the months of a leap year are', () => {
    expect(unitAt('month', 'UTC', '2028-02-29T23:59:59Z')).toEqual({
      start: '2028-02-01T00:00:00.000Z',
      hours: 29 * 24,
    })
    expect(unitAt('month', 'UTC', '2027-02-28T12:00:00Z').hours).toBe(28 * 24)
    expect(unitAt('year', 'UTC', '2028-06-01T00:00:00Z').hours).toBe(366 * 24)
    expect(unitAt('year', 'UTC', '2100-06-01T00:00:00Z').hours).toBe(365 * 24)
  })

  it('gives the days of a clock change 23 and 25 hours', () => {
    expect(unitAt('day', 'Europe/Berlin', '2026-03-29T12:00:00Z')).toEqual({
      start: '2026-03-28T23:00:00.000Z',
      hours: 23,
    })
    expect(unitAt('day', 'Europe/Berlin', '2026-10-25T12:00:00Z')).toEqual({
      start: '2026-10-24T22:00:00.000Z',
      hours: 25,
    })
  })

  it('begins a day without midnight where it begins', () => {
    // Clocks went from 23:59:59 to 01:00.
    expect(unitAt('day', 'America/Sao_Paulo', '2018-11-04T12:00:00Z')).toEqual({
      start: '2018-11-04T03:00:00.000Z',
      hours: 23,
    })
  })

  it('begins weeks on Monday', () => {
    expect(unitAt('week', 'UTC', '2026-11-22T23:59:59Z').start).toBe('2026-11-16T00:00:00.000Z')
    expect(unitAt('week', 'UTC', '2026-11-23T00:00:00Z').start).toBe('2026-11-23T00:00:00.000Z')
  })

  it('cuts hours as the zone does', () => {
    expect(unitAt('hour', 'Asia/Kathmandu', '2026-11-22T10:20:00Z').start).toBe(
      '2026-11-22T10:15:00.000Z',
    )
    expect(unitAt('minute', 'Asia/Kathmandu', '2026-11-22T10:20:30Z').start).toBe(
      '2026-11-22T10:20:00.000Z',
    )
  })

  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe')
  const times = fc.integer({ min: 0, max: Date.parse('2100-01-01T00:00:00Z') })

  it('has units that follow each other without gap, each with the next index', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CALENDAR_UNITS), zones, times, (unit, zone, atMs) => {
        const calendar = calendarOf(unit, zone)
        const now = calendar.at(atMs)
        expect(now.startMs).toBeLessThanOrEqual(atMs)
        expect(now.endMs).toBeGreaterThan(atMs)
        const next = calendar.at(now.endMs)
        expect([next.startMs, next.index]).toEqual([now.endMs, now.index + 1])
        expect(now.endMs - now.startMs).toBeLessThanOrEqual(longestUnitMs(unit, zone))
      }),
      { numRuns: 300 },
    )
  })

  it('answers the same whatever was asked before', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CALENDAR_UNITS), zones, times, times, (unit, zone, a, b) => {
        const calendar = calendarOf(unit, zone)
        calendar.at(a)
        expect(calendar.at(b)).toEqual(calendarOf(unit, zone).at(b))
      }),
    )
  })

  it('is told apart from others by its name', () => {
    expect(calendarOf('month', 'Europe/Berlin').name).toBe('month Europe/Berlin')
  })
})
