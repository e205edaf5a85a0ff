import type { NetworkOptions } from '../network.ts'
import { healingMs } from './healing.ts'
import { type Spread, sow } from './spread.ts'
import { Steps } from './steps.ts'
import type { StudyOptions, StudyProgress } from './study.ts'

const SIZES = [3, 10, 30, 100, 300, 1_000]
/** Largest cluster where nothing else is said; 300 nodes take half a minute more, 1,000 several minutes. */
const NODES = 100
/** Loss is looked at in a cluster of this size, or the largest there is. */
const LOSS_NODES = 30
const HEALING_SEEDS = 3

/** A cluster in which every so many-th frame is not heard. */
export interface Lossy {
  readonly name: string
  readonly spread: Spread
}

/** How long replicas take to be equal after a split, of each seed. */
export interface Healed {
  readonly nodes: number
  readonly timesMs: readonly (number | undefined)[]
}

export interface Convergence {
  /** Of clusters from small to large. */
  readonly spreads: readonly Spread[]
  readonly losses: readonly Lossy[]
  readonly healings: readonly Healed[]
}

/** Sizes up to the largest, which is always among them. */
export function sizesUpTo(nodes = NODES): number[] {
  return [...SIZES.filter((size) => size < nodes), nodes]
}

export function measureConvergence(
  { seed, seeds = HEALING_SEEDS, nodes }: StudyOptions,
  progress: StudyProgress,
): Convergence {
  const sizes = sizesUpTo(nodes)
  const lossNodes = sizes.findLast((size) => size <= LOSS_NODES) ?? LOSS_NODES
  const steps = new Steps(2 * sizes.length + LOSSES.length, progress)
  const spreads = sizes.map((size) => {
    steps.begin(`${size} nodes`)
    return sow({ seed, nodes: size, admissions: 400, everyMs: 20, waitMs: 2_000 }, steps)
  })
  const losses = LOSSES.map(({ name, network }) => {
    steps.begin(name)
    const sowing = { seed, nodes: lossNodes, network, admissions: 300, everyMs: 30 }
    return { name, spread: sow({ ...sowing, waitMs: 15_000 }, steps) }
  })
  const healings = sizes.map((size) => {
    steps.begin(`${size} nodes, healed`)
    const timesMs = Array.from({ length: seeds }, (_, at) => healingMs(seed + at, size, steps))
    return { nodes: size, timesMs }
  })
  return { spreads, losses, healings }
}

const LOSSES: readonly {
  readonly name: string
  readonly network: Partial<Omit<NetworkOptions, 'random'>>
}[] = [
  { name: 'no loss', network: {} },
  { name: '10% unheard', network: { gossipLoss: 0.1 } },
  { name: '30% unheard', network: { gossipLoss: 0.3 } },
  { name: '10% of copies lost', network: { copyLoss: 0.1 } },
  { name: '30% of copies lost', network: { copyLoss: 0.3 } },
]
