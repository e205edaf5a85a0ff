import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interleave, median, ratios, spread } from '../../bench/interleave.ts'

describe('contenders', () => {
  test('take turns, and the first turn of each does not count', async () => {
    const turns: string[] = []
    const contender = (name: string) => async (turnMs: number) => {
      turns.push(`${name} ${turnMs}`)
      return turns.length
    }
    const scale = { rounds: 2, roundMs: 5, warmUpMs: 50 }
    const yields = await interleave(scale, { a: contender('a'), b: contender('b') })
    expect(turns).toEqual(['a 50', 'b 50', 'a 5', 'b 5', 'a 5', 'b 5'])
    expect(yields).toEqual({ a: [3, 5], b: [4, 6] })
  })

  test('that fail, fail the comparison', async () => {
    const failing = () => Promise.reject(new Error('broken'))
    await expect(interleave({ rounds: 1, roundMs: 1, warmUpMs: 1 }, { failing })).rejects.toThrow(
      'broken',
    )
  })
})

describe('a median', () => {
  test('is the middle of an odd number of values', () => expect(median([9, 1, 5])).toBe(5))

  test('is between the two middle ones of an even number', () =>
    expect(median([4, 1, 2, 9])).toBe(3))

  test('of nothing is no number', () => expect(median([])).toBeNaN())

  test('has as many values below as above, and leaves the values as they were', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1 }), (values) => {
        const before = [...values]
        const middle = median(values)
        expect(values).toEqual(before)
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(
          values.length / 2,
        )
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(
          values.length / 2,
        )
      }),
    )
  })
})

test('ratios are taken round by round', () => {
  expect(ratios([10, 30], [20, 10])).toEqual([0.5, 3])
  expect(() => ratios([1], [1, 2])).toThrow('1 rounds cannot be compared with 2')
})

test('a spread names the median and both ends', () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 })
})
