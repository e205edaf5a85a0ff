import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Schedule } from '../../sim/schedule.ts'

/** Delays until a thing, and of the things that it plans when it happens. */
const plans = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 5 }), fc.array(fc.integer({ min: 0, max: 5 }))),
)

test('things happen by time, and at one time in the order in which they were planned', () => {
  fc.assert(
    fc.property(plans, (list) => {
      const schedule = new Schedule()
      const happened: { atMs: number; order: number }[] = []
      let planned = 0
      let nowMs = 0
      const plan = (atMs: number, then: readonly number[]) => {
        const order = planned++
        schedule.plan(atMs, () => {
          happened.push({ atMs, order })
          for (const afterMs of then) plan(nowMs + afterMs, [])
        })
      }
      for (const [atMs, then] of list) plan(atMs, then)
      while (schedule.nextAtMs() < Number.POSITIVE_INFINITY) {
        nowMs = schedule.nextAtMs()
        schedule.take()?.()
        expect(happened.at(-1)?.atMs).toBe(nowMs)
      }
      expect(happened).toHaveLength(planned)
      const inOrder = [...happened].sort((a, b) => a.atMs - b.atMs || a.order - b.order)
      expect(happened).toEqual(inOrder)
    }),
  )
})

test('nothing planned is nothing to take', () => {
  const schedule = new Schedule()
  expect(schedule.nextAtMs()).toBe(Number.POSITIVE_INFINITY)
  expect(schedule.take()).toBeUndefined()
})
