import { describe, expect, test } from 'vitest'
import { meterOf, slicedMeterOf } from '../../sim/checkers/meter.ts'
import { overshootOf } from '../../sim/checkers/overshoot.ts'
import { RepeatingCalendar, withCalendars } from '../../sim/repeating-calendar.ts'
import type { Algorithm, LimitPolicy } from '../../src/limiter/policy.ts'

function policyOf(algorithm?: Algorithm): LimitPolicy {
  const limit = { rate: { count: 10, periodMs: 1_000 }, burst: 10 }
  return algorithm === undefined ? limit : { ...limit, algorithm }
}

const SLIDING = policyOf({ type: 'sliding-window' })
const FIRST_HIT = policyOf({ type: 'fixed-window', opens: 'first-hit' })
const EVERY = [policyOf(), SLIDING, FIRST_HIT, policyOf({ type: 'fixed-window', opens: 'aligned' })]

describe('an ideal meter', () => {
  test('falls by what is given back, and never below nothing', () => {
    for (const policy of EVERY) {
      const meter = meterOf(policy)
      meter.pass(100, 6)
      meter.giveBack(100, 4)
      expect(meter.levelAt(100)).toBe(2)
      meter.giveBack(100, 4)
      expect(meter.pass(100, 1)).toBe(1)
    }
  })

  test('is in use by a penalty, which lets nobody through', () => {
    for (const policy of EVERY) {
      const meter = meterOf(policy)
      meter.pass(100, 6)
      meter.owe(100, 9)
      expect(meter.levelAt(100)).toBe(15)
      expect(meter.admittedAt(100)).toBe(6)
    }
  })

  test('lets the newest of a sliding window stay when some is given back', () => {
    const meter = meterOf(SLIDING)
    meter.pass(0, 3)
    meter.pass(500, 3)
    meter.giveBack(600, 3)
    expect(meter.levelAt(1_200)).toBe(3)
    expect(meter.levelAt(1_500)).toBe(0)
    expect(meter.highestAt(1_500, 10)).toBe(3)
  })

  test('opens a new window where nothing of the last one is left', () => {
    const meter = meterOf(FIRST_HIT)
    meter.pass(0, 3)
    meter.giveBack(600, 3)
    meter.pass(900, 2)
    expect(meter.levelAt(1_500)).toBe(2)
    expect(meter.levelAt(1_900)).toBe(0)
  })

  test('counts whole slices where that is all that is known', () => {
    const meter = slicedMeterOf(SLIDING, 50)
    meter.pass(0, 3)
    expect(meter.levelAt(1_048)).toBe(3)
    expect(meter.levelAt(1_049)).toBe(0)
  })
})

describe('the overshoot of what was done', () => {
  test('has no part in penalties, and is less by what was given back before', () => {
    const deeds = [
      { atMs: 0, cost: 10 },
      { atMs: 1, cost: 8, action: 'penalise' as const },
      { atMs: 2, cost: 4, action: 'refund' as const },
      { atMs: 3, cost: 6 },
    ]
    expect(overshootOf(deeds, SLIDING)).toBe(2)
  })
})

describe('a calendar of repeated units', () => {
  const calendar = new RepeatingCalendar([300, 200])

  test('has them one after the other', () => {
    expect(calendar.at(299)).toEqual({ index: 0, startMs: 0, endMs: 300 })
    expect(calendar.at(300)).toEqual({ index: 1, startMs: 300, endMs: 500 })
    expect(calendar.at(1_000)).toEqual({ index: 4, startMs: 1_000, endMs: 1_300 })
  })

  test('can be asked again after it was a file', () => {
    const rules = [{ name: 'r', limits: [policyOf({ type: 'calendar-window', calendar })] }]
    const [read] = withCalendars(JSON.parse(JSON.stringify(rules)))
    expect(meterOf(read?.limits[0] as LimitPolicy).pass(400, 1)).toBe(1)
  })
})
