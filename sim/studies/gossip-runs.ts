import { perform } from '../run.ts'
import { OWNER_LOSS } from '../scenarios/owner-loss.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { START_MS } from '../simulation.ts'
import { type Spread, sow } from './spread.ts'
import { Steps } from './steps.ts'
import type { StudyOptions, StudyProgress } from './study.ts'

export const INTERVALS_MS = [100, 200, 500, 1_000, 2_000] as const
export const FANOUTS = [2, 3, 4, 6] as const
export const NODES = 30
const SEEDS = 6

/** Gossip at one interval and fanout. */
export interface Setting {
  readonly intervalMs: number
  readonly fanout: number
  readonly spread: Spread
}

/** What the death of an owner costs at each interval, in the order of `INTERVALS_MS`. Tokens. */
export interface Death {
  readonly story: string
  readonly formula: string
  readonly bound: number
  /** The worst of all seeds. */
  readonly overshoots: readonly number[]
}

export interface GossipFound {
  readonly settings: readonly Setting[]
  readonly deaths: readonly Death[]
}

export function measureGossip(
  { seed, seeds = SEEDS, nodes = NODES }: StudyOptions,
  progress: StudyProgress,
): GossipFound {
  const count = INTERVALS_MS.length * (FANOUTS.length + DEATHS.length)
  const steps = new Steps(count, progress)
  const settings = INTERVALS_MS.flatMap((intervalMs) =>
    FANOUTS.map((fanout): Setting => {
      steps.begin(`every ${intervalMs} ms to ${fanout}`)
      const sowing = { seed, nodes, network: { fanout }, gossipIntervalMs: intervalMs }
      // The same admissions at each setting, so that what it costs can be compared.
      const spread = sow({ ...sowing, admissions: 200, everyMs: 50, waitMs: 3 * intervalMs }, steps)
      return { intervalMs, fanout, spread }
    }),
  )
  const deaths = DEATHS.map(({ name, story }): Death => {
    const scenario = scenarioCalled(name)
    const overshoots = INTERVALS_MS.map((gossipIntervalMs) => {
      steps.begin(`${story}, every ${gossipIntervalMs} ms`)
      const runs = Array.from({ length: seeds }, (_, at) => {
        const experiment = scenario.experiment(seed + at, scenario.setting)
        const { events, virtualMs, worst } = perform({ ...experiment, gossipIntervalMs })
        steps.ran({ events, nowMs: START_MS + virtualMs })
        return worst.overshoot
      })
      return Math.max(...runs)
    })
    return { story, formula: scenario.formula, bound: scenario.bound(scenario.setting), overshoots }
  })
  return { settings, deaths }
}

/** Scenarios, and what to call them in a few words. */
const DEATHS: readonly { readonly name: string; readonly story: string }[] = [
  { name: 'kill-owner', story: 'saturated, killed' },
  { name: 'kill-owner-unheard', story: 'asked at its own door, killed' },
  { name: 'power-off-owner', story: 'saturated, powered off' },
  { name: 'phase-locked-kill', story: 'ambushed after its tick' },
]

function scenarioCalled(name: string): Scenario {
  const scenario = OWNER_LOSS.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  return scenario
}
