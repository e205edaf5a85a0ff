import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEFECTS } from './all.ts'
import { Build } from './build.ts'
import type { Defect } from './defect.ts'

// The quickest of the search that `npm run defects` makes for all.

const SECONDS = 1_000
let sound: Build

beforeAll(async () => {
  sound = await Build.of(process.cwd())
}, 60 * SECONDS)
afterAll(() => sound.remove())

describe('the simulator', () => {
  test.each([
    ['merge-by-sum', 'counts are plausible'],
    ['retry-after-short', 'retryAfter is honest'],
    ['previous-not-resent', 'lost frames are made up for'],
  ])(
    'notices %s',
    async (name, oracle) => {
      const defect = DEFECTS.find((one) => one.name === name) as Defect
      const build = await Build.of(process.cwd(), defect)
      try {
        const wish = { likely: defect.scenarios, seeds: 1, sound: sound.examineUrl }
        const { found, unsound } = await build.hunt(wish)
        expect(unsound).toEqual([])
        expect(found.map(({ violation }) => violation.oracle)).toEqual([oracle])
      } finally {
        build.remove()
      }
    },
    60 * SECONDS,
  )

  test(
    'finds nothing where there is nothing',
    async () => {
      const { found, runs } = await sound.hunt({ likely: ['steady-tenfold'], seeds: 1 })
      expect(found).toEqual([])
      expect(runs).toBe(3)
    },
    60 * SECONDS,
  )

  test(
    'does not build what cannot be planted',
    async () => {
      const edits = [{ file: 'crdt/fold.ts', find: 'no such text', replace: '' }]
      const defect: Defect = { name: 'none', breaks: 'nothing', edits, scenarios: [] }
      await expect(Build.of(process.cwd(), defect)).rejects.toThrow('no longer applies')
    },
    60 * SECONDS,
  )
})
