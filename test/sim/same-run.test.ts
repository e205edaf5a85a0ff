import { describe, expect, test } from 'vitest'
import { ORACLES } from '../../sim/checkers/all.ts'
import { perform } from '../../sim/run.ts'
import { drawExperiment } from '../../sim/swarm/draw.ts'

// Hashes of runs of an earlier build are no promise: any change of the protocol changes them. What they share is that
// every version of Node gives the same ones, which the command shows: npm run sim -- swarm --seeds 3 --json

const SHORT = { safetyMs: 8_000 }

describe('one seed (invariant 24)', () => {
  test('gives one experiment, and one run of it', () => {
    const [once, again] = [drawExperiment(7, SHORT), drawExperiment(7, SHORT)]
    expect(again).toEqual(once)
    expect(perform(again).traceHash).toBe(perform(once).traceHash)
  })

  test('gives the same run whoever watches', () => {
    const experiment = drawExperiment(8, SHORT)
    expect(perform(experiment, ORACLES).traceHash).toBe(perform(experiment).traceHash)
  })

  test('gives another run than the next', () => {
    const hashes = [1, 2, 3, 4].map((seed) => perform(drawExperiment(seed, SHORT)).traceHash)
    expect(new Set(hashes).size).toBe(4)
  })
})
