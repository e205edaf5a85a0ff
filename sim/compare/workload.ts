import type { Random } from '../../cluster/random.ts'
import { chance } from '../path.ts'
import { streamOf } from '../simulation.ts'
import type { CompareOptions } from './options.ts'
import { type Phase, phaseNamed, VICTIM } from './timeline.ts'

/** Somebody wants `cost` tokens of `key` from server `node`, whole milliseconds after the start. */
export interface Arrival {
  readonly atMs: number
  /** From 0. */
  readonly node: number
  readonly key: string
  readonly cost: number
}

export const HOT_KEY = 'hot'

/**
 * All checks of a run, in order of arrival, drawn before it starts: nobody waits for an answer or asks again (an
 * open loop). Times are drawn uniformly, which makes arrivals a Poisson process given their number. One hot key is
 * wanted beyond its limit, others after Zipf's law below theirs. A key's home server gets more of its checks than
 * others do, as with sticky sessions; homes go round: the hot key's is server 1, the next one's server 2 …
 *
 * The server `VICTIM` gets no checks while it is down in some architecture, in all of them: its neighbour gets them.
 */
export function drawWorkload(options: CompareOptions, phases: readonly Phase[]): Arrival[] {
  const random = streamOf(options.seed, 'compare workload')
  const { largeShare, largeCost } = options.workload
  const demands = demandsOf(options)
  const tokensPerS = demands.reduce((sum, { perS }) => sum + perS, 0)
  const durationMs = phases.at(-1)?.toMs ?? 0
  const meanCost = 1 + largeShare * (largeCost - 1)
  const count = Math.round((tokensPerS * durationMs) / 1_000 / meanCost)
  const arrivals = Array.from({ length: count }, (): Arrival => {
    const atMs = random.below(durationMs)
    const demand = pick(demands, random.below(Math.floor(tokensPerS * PARTS)) / PARTS)
    const node = awayFromVictim(origin(demand.home, options, random), atMs, options, phases)
    const cost = chance(largeShare, random) ? largeCost : 1
    return { atMs, node, key: demand.key, cost }
  })
  return arrivals.sort((a, b) => a.atMs - b.atMs)
}

interface Demand {
  readonly key: string
  readonly home: number
  readonly perS: number
}

function demandsOf({ nodes, workload }: CompareOptions): Demand[] {
  const hot: Demand = { key: HOT_KEY, home: 1 % nodes, perS: workload.hotPerS }
  const others = Array.from({ length: workload.keys }, (_, index): Demand => {
    const rank = index + 1
    return { key: `key ${rank}`, home: (rank + 1) % nodes, perS: workload.topPerS / rank }
  })
  return [hot, ...others]
}

/** The demand in whose part of the total a point falls. */
function pick(demands: readonly Demand[], point: number): Demand {
  let before = 0
  for (const demand of demands) {
    before += demand.perS
    if (point < before) return demand
  }
  return demands.at(-1) as Demand
}

function origin(home: number, { nodes, workload }: CompareOptions, random: Random): number {
  return chance(workload.homeShare, random) ? home : random.below(nodes)
}

function awayFromVictim(
  node: number,
  atMs: number,
  { nodes, workload }: CompareOptions,
  phases: readonly Phase[],
): number {
  const { fromMs, toMs } = phaseNamed(phases, 'outage')
  const away = atMs >= fromMs && atMs < toMs + workload.readmitAfterMs
  return away && node === VICTIM ? (VICTIM + 1) % nodes : node
}

/** Demand is drawn in millionths of a token per second. */
const PARTS = 1_000_000
