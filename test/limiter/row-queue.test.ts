import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RowQueue } from '../../src/limiter/row-queue.ts'

/** Rows pushed, as many as that; and then so many taken, if there are. */
const step = fc.record({ pushed: fc.nat(3_000), taken: fc.nat(4_000) })

it('gives rows back in the order in which they came, however it has grown', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
      const queue = new RowQueue()
      let model: number[] = []
      let next = 0
      for (const { pushed, taken } of steps) {
        for (let row = 0; row < pushed; row++) {
          queue.push(next)
          model.push(next++)
        }
        const gone = model.slice(0, taken)
        model = model.slice(taken)
        expect(gone.map(() => queue.shift())).toEqual(gone)
        expect(queue.size).toBe(model.length)
        expect([...queue]).toEqual(model)
      }
    }),
    { numRuns: 50 },
  )
})
