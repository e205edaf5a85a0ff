import { describe, expect, test } from 'vitest'
import { READY_MS } from '../../sim/experiment.ts'
import { setGoing } from '../../sim/run.ts'
import { SCENARIOS } from '../../sim/scenarios/all.ts'
import { AT_MS, SPLIT_MS } from '../../sim/scenarios/splits-by-demand.ts'
import { Simulation, START_MS } from '../../sim/simulation.ts'

/**
 * Share of the checks that were refused while the clients were cut off from the owner. They ask for less than
 * the limit, and an ideal limiter would refuse none.
 */
function wronglyRefused(name: string, seed: number): number {
  const scenario = SCENARIOS.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  const experiment = scenario.experiment(seed, scenario.setting)
  const world = new Simulation(experiment)
  world.runUntil(READY_MS)
  setGoing(world, experiment)
  world.runUntil(READY_MS + AT_MS + SPLIT_MS)
  const fromMs = START_MS + READY_MS + AT_MS
  const during = world.answers.filter(({ answeredMs }) => answeredMs >= fromMs)
  const refused = during.filter(({ answer }) => answer.type !== 'answer' || !answer.allowed)
  expect(during.length).toBeGreaterThan(1_500)
  return refused.length / during.length
}

describe.each([
  ['clients-cut-off-3', 0.5, 0.12],
  ['clients-cut-off-10', 0.4, 0.12],
])('%s: when all clients are cut off from the owner', (name, atLeast, atMost) => {
  test.each([1, 2, 3])('weights by demand refuse what weights by nodes would, seed %d', (seed) => {
    const [nodes, demand] = [`${name}-nodes`, `${name}-demand`].map((one) =>
      wronglyRefused(one, seed),
    )
    expect(nodes).toBeGreaterThan(atLeast)
    expect(demand).toBeLessThan(atMost)
  })
})
