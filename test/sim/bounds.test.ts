import { describe, expect, test } from 'vitest'
import { ORACLES } from '../../sim/checkers/all.ts'
import { isWithin } from '../../sim/checkers/whole-token.ts'
import { perform } from '../../sim/run.ts'
import { SCENARIOS } from '../../sim/scenarios/all.ts'

// Every scenario of a size that takes a second, with a few seeds. The large ones, and many seeds: `npm run sim -- all`.
const NODES_MAX = 10
/** Longer ones are run with one seed. */
const SHORT_MS = 15_000

const cases = SCENARIOS.filter(({ setting }) => setting.nodes <= NODES_MAX).flatMap((scenario) => {
  const { safetyMs } = scenario.experiment(1, scenario.setting)
  const seeds = safetyMs <= SHORT_MS ? [1, 2] : [1]
  return seeds.map((seed) => [scenario.name, seed, scenario] as const)
})

describe('every scenario keeps its bound and all invariants', () => {
  test.each(cases)('%s, seed %i', (_, seed, { setting, ...scenario }) => {
    const { worst, violations } = perform(scenario.experiment(seed, setting), ORACLES)
    expect(violations).toEqual([])
    const bound = scenario.bound(setting)
    expect(worst.overshoot, `the bound is ${bound}`).toSatisfy((tokens: number) =>
      isWithin(tokens, bound),
    )
  })
})
