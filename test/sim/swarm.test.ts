import { describe, expect, test } from 'vitest'
import { ORACLES } from '../../sim/checkers/all.ts'
import { perform } from '../../sim/run.ts'
import { drawExperiment } from '../../sim/swarm/draw.ts'
import { judge } from '../../sim/swarm/judge.ts'

// A few seeds with every change; hundreds of others with `npm run sim -- swarm`.
const SEEDS = [1, 4, 9, 10, 12, 21, 26, 30]

describe('random experiments, before all oracles', () => {
  test.each(SEEDS)('seed %i violates nothing', (seed) => {
    expect(judge(drawExperiment(seed), ORACLES).outcome.violations).toEqual([])
  })

  test('are the same run again, whether or not somebody watches', () => {
    const experiment = drawExperiment(2, { safetyMs: 10_000 })
    const watched = judge(experiment, ORACLES).outcome
    expect(perform(experiment).traceHash).toBe(watched.traceHash)
  })
})
