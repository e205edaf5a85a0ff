import { ANTI_ENTROPY_MS, GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import type { Random } from '../../cluster/random.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { SETTLED_RULE } from '../../src/limiter/settlement.ts'
import { type Experiment, READY_MS } from '../experiment.ts'
import type { NetworkOptions } from '../network.ts'
import { streamOf } from '../simulation.ts'
import { drawFaults } from './draw-faults.ts'
import { drawRules } from './draw-rules.ts'
import { drawWorkload } from './draw-workload.ts'
import { oneIn, pick, range } from './pick.ts'

export interface DrawOptions {
  /** Default 5. */
  readonly nodes?: number
  /** How long faults may strike; by default so long that a whole run takes a virtual minute. */
  readonly safetyMs?: number
}

const NODES = 5
const WHOLE_MS = 60_000
const SAFETY_MS = WHOLE_MS - READY_MS - 2 * GOSSIP_INTERVAL_MS - ANTI_ENTROPY_MS
/** Beyond a second apart, nodes refuse each other's counts: that is another story than a random one. */
const CLOCK_OFFSET_MS_MAX = 300

/**
 * A cluster, its rules, its clients, and what befalls it, all drawn from one seed before the run begins. Equal
 * seeds and options give equal experiments.
 */
export function drawExperiment(seed: number, options: DrawOptions = {}): Experiment {
  const { nodes = NODES, safetyMs = SAFETY_MS } = options
  const drawn = drawRules(streamOf(seed, 'draw rules'))
  const rules = leased(
    weighed(drawn, streamOf(seed, 'draw weights')),
    streamOf(seed, 'draw leases'),
  )
  const weather = streamOf(seed, 'draw weather')
  const place = { seed, nodes, rules, safetyMs }
  const workload = drawWorkload(place, streamOf(seed, 'draw workload'))
  const reserves = workload.some(({ corrections = [] }) => {
    return corrections.some(({ type }) => type === 'settle')
  })
  return {
    ...place,
    ...(reserves ? { rules: [...rules, SETTLED_RULE] } : {}),
    network: drawNetwork(weather),
    ...(oneIn(2, weather) ? { clockOffsetsMs: drawClocks(nodes, weather) } : {}),
    faults: drawFaults(place, workload, streamOf(seed, 'draw faults')),
    workload,
  }
}

/** Half of all rules weigh by demand. */
function weighed(rules: readonly Rule[], random: Random): Rule[] {
  return rules.map((rule) => (oneIn(2, random) ? { ...rule, partitionWeights: 'demand' } : rule))
}

/** Half of all rules lease tokens of hot keys, if their limits can be leased. */
function leased(rules: readonly Rule[], random: Random): Rule[] {
  return rules.map((rule) => (oneIn(2, random) ? { ...rule, leases: true } : rule))
}

/**
 * Round trips stay below the least forward timeout, but for a tail of slow packets in some runs: a check that
 * times out is decided by another node, and then nothing is exact.
 */
function drawNetwork(random: Random): NonNullable<Experiment['network']> {
  const maxMs = pick([1, 2, 4, 8], random)
  const delay: NetworkOptions['delay'] = { minMs: 0.2, maxMs }
  const tail = { share: pick([0.001, 0.01], random), maxMs: pick([30, 200], random) }
  const late = { share: pick([0.05, 0.2], random), delay: { minMs: 1, maxMs: 400 } }
  return {
    delay: oneIn(5, random) ? { ...delay, tail } : delay,
    ...(oneIn(2, random) ? { gossipLoss: pick([0.01, 0.1, 0.3], random) } : {}),
    ...(oneIn(3, random) ? { gossipDuplicates: pick([0.05, 0.5], random) } : {}),
    ...(oneIn(3, random) ? { gossipLate: late } : {}),
    ...(oneIn(4, random) ? { copyLoss: pick([0.05, 0.2], random) } : {}),
  }
}

function drawClocks(nodes: number, random: Random): number[] {
  const most = pick([5, 50, CLOCK_OFFSET_MS_MAX], random)
  return Array.from({ length: nodes }, () => range(-most, most, random))
}
