import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Unacknowledged } from '../../src/limiter/unacknowledged.ts'

const NEVER = Number.POSITIVE_INFINITY

describe('what is not acknowledged', () => {
  test('is what was admitted, until the step that tells of it is held by everybody', () => {
    const owed = new Unacknowledged()
    owed.add(7, 3, NEVER, 100)
    expect(owed.take(1, 10)).toEqual([{ row: 7, sinceMs: 100 }])
    owed.add(7, 2, NEVER, 200)
    expect(owed.tokens(7)).toBe(5)
    owed.acknowledged(1)
    expect(owed.tokens(7)).toBe(2)
    expect(owed.take(2, 10)).toEqual([{ row: 7, sinceMs: 200 }])
    owed.acknowledged(2)
    expect(owed.tokens(7)).toBe(0)
    expect(owed.keys).toBe(0)
  })

  test('is told in parts where there are many keys, the first of them first', () => {
    const owed = new Unacknowledged()
    for (const row of [5, 6, 7]) owed.add(row, 1, NEVER, 0)
    expect(owed.take(1, 2).map(({ row }) => row)).toEqual([5, 6])
    owed.acknowledged(1)
    expect([owed.tokens(5), owed.tokens(7), owed.untoldKeys]).toEqual([0, 1, 1])
  })

  test('cannot wait when a key has more untold than was said', () => {
    const owed = new Unacknowledged()
    owed.add(1, 4, 4, 0)
    expect(owed.isUrgent).toBe(false)
    owed.add(1, 1, 4, 0)
    expect(owed.isUrgent).toBe(true)
    owed.take(1, 10)
    expect(owed.isUrgent).toBe(false)
  })

  test('of a key that is forgotten is not held against the next one in its row', () => {
    const owed = new Unacknowledged()
    owed.add(1, 4, NEVER, 0)
    owed.take(1, 10)
    owed.forget(1)
    owed.add(1, 2, NEVER, 0)
    owed.acknowledged(1)
    expect(owed.tokens(1)).toBe(2)
  })

  test('equals all that was admitted less what is in acknowledged steps, whatever happens', () => {
    const happening = fc.oneof(
      fc.record({ type: fc.constant('add' as const), row: fc.nat(3), tokens: fc.nat(5) }),
      fc.record({ type: fc.constant('take' as const), most: fc.nat(4) }),
      fc.record({
        type: fc.constant('acknowledge' as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    )
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (story) => {
        const owed = new Unacknowledged()
        const untold = new Map<number, number>()
        const steps: Map<number, number>[] = []
        let held = 0
        for (const event of story) {
          if (event.type === 'add') {
            owed.add(event.row, event.tokens, NEVER, 0)
            untold.set(event.row, (untold.get(event.row) ?? 0) + event.tokens)
          } else if (event.type === 'take') {
            const step = new Map<number, number>()
            for (const { row } of owed.take(steps.length + 1, event.most)) {
              step.set(row, untold.get(row) ?? 0)
              untold.delete(row)
            }
            steps.push(step)
          } else {
            held = Math.max(held, Math.floor(event.share * steps.length))
            owed.acknowledged(held)
          }
          for (let row = 0; row <= 3; row++) {
            const told = steps.slice(held).reduce((sum, step) => sum + (step.get(row) ?? 0), 0)
            expect(owed.tokens(row)).toBe(told + (untold.get(row) ?? 0))
          }
        }
      }),
    )
  })
})
