import { describe, expect, test } from 'vitest'
import { HoldableClock } from '../src/clock.ts'

/** A clock that is a millisecond and a half later whenever it is read. */
function hurrying(): HoldableClock {
  let nowMs = 0
  return new HoldableClock({
    nowMs() {
      nowMs += 1.5
      return nowMs
    },
  })
}

describe('a clock that can be held', () => {
  test('tells whole milliseconds', () => {
    const clock = hurrying()
    expect([clock.nowMs(), clock.nowMs()]).toEqual([1, 3])
  })

  test('stands still while it is held, also within itself, and goes on afterwards', () => {
    const clock = hurrying()
    const told = clock.hold(() => [clock.nowMs(), clock.hold(() => clock.nowMs()), clock.nowMs()])
    expect(told).toEqual([1, 1, 1])
    expect(clock.nowMs()).toBe(3)
  })

  test('goes on after what was done has failed', () => {
    const clock = hurrying()
    const failing = () => {
      throw new Error('failed')
    }
    expect(() => clock.hold(failing)).toThrow('failed')
    expect(clock.nowMs()).toBe(3)
  })
})
