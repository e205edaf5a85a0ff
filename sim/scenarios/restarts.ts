import { SNAPSHOT_MS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { DiskHarm } from '../disk.ts'
import type { Experiment } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import { streamOf } from '../simulation.ts'
import type { Arrivals } from '../workload.ts'
import {
  B,
  DELTA_S,
  hotKeyStory,
  nothing,
  type Scenario,
  type Setting,
  setting,
} from './scenario.ts'

/** Tokens per second of the slow limit in these stories: it takes 50 s to refill. */
const SLOW_R = 2
/** Until a snapshot of a few keys is written. */
const WRITING_S = 0.1
const AGE_S = SNAPSHOT_MS / 1_000 + WRITING_S
/** The first snapshot is there by then, and the second by one interval later. */
const FIRST_MS = 7_000

/** All nodes are killed at a moment drawn from the seed, so that snapshots are of every age; their disks suffer. */
function restartOfAll(
  sinceMs: number,
  harms: (owner: NodeId, others: readonly NodeId[]) => readonly (readonly [NodeId, DiskHarm])[],
): Scenario['experiment'] {
  return (seed, from) => {
    const atMs = sinceMs + streamOf(seed, 'crash').below(SNAPSHOT_MS)
    return slow(
      from,
      hotKeyStory(seed, from, {
        safetyMs: sinceMs + SNAPSHOT_MS + 6_000,
        plot: (owner, others) => [
          ...[owner, ...others].map((node): Fault => ({ atMs, type: 'kill', node })),
          ...harms(owner, others).map(
            ([node, harm]): Fault => ({ atMs, type: 'disk-loss', node, harm }),
          ),
          ...[owner, ...others].map((node): Fault => ({ atMs: atMs + 100, type: 'start', node })),
        ],
      }),
    )
  }
}

/** The same story under a limit that is worth a snapshot, asked for at fifty times its rate. */
function slow({ onPartition }: Setting, story: Experiment): Experiment {
  const limit = { rate: { count: SLOW_R, periodMs: 1_000 }, burst: B }
  const arrivals: Arrivals = { type: 'steady', everyMs: 10 }
  return {
    ...story,
    rules: [{ name: 'demo', limits: [limit], onPartition }],
    workload: story.workload.map((flow) => ({ ...flow, arrivals })),
  }
}

/** All nodes stop at once, and disks are what they have left. R = 2, B = 100, and the key is used up: u = 0. */
export const RESTARTS: readonly Scenario[] = [
  {
    name: 'whole-cluster-restart-with-snapshot',
    story: 'all nodes are killed at once and started again, with snapshots up to 10 s old',
    setting,
    formula: 'min(B, R·age + u), age ≤ 10.1 s, R = 2, u = 0',
    bound: () => Math.min(B, SLOW_R * AGE_S),
    experiment: restartOfAll(FIRST_MS, () => []),
  },
  {
    name: 'whole-cluster-restart-torn-snapshot',
    story: "the same, and the owner's snapshot ends half-way: it is told what the others' hold",
    setting,
    formula: 'min(B, R·(age + Δ) + u), age ≤ 10.1 s, R = 2, u = 0',
    bound: () => Math.min(B, SLOW_R * (AGE_S + DELTA_S)),
    experiment: restartOfAll(FIRST_MS, (owner) => [[owner, 'torn']]),
  },
  {
    name: 'whole-cluster-restart-stale-snapshots',
    story: 'the same, and all disks lost the last snapshot: there is the one before',
    setting,
    formula: 'min(B, R·age + u), age ≤ 20.1 s, R = 2, u = 0',
    bound: () => Math.min(B, SLOW_R * (AGE_S + SNAPSHOT_MS / 1_000)),
    experiment: restartOfAll(FIRST_MS + SNAPSHOT_MS, (owner, others) =>
      [owner, ...others].map((node) => [node, 'stale']),
    ),
  },
  {
    name: 'whole-cluster-restart-lost-snapshots',
    story: 'the same, and nothing is left on any disk',
    setting,
    formula: 'B',
    bound: () => B,
    experiment: restartOfAll(FIRST_MS, (owner, others) =>
      [owner, ...others].map((node) => [node, 'lost']),
    ),
  },
  {
    ...nothing,
    name: 'disk-stall',
    story: 'every disk hangs while snapshots of a used-up key are due',
    experiment: (seed, from) =>
      slow(
        from,
        hotKeyStory(seed, from, {
          safetyMs: 25_000,
          plot: (owner, others) =>
            [owner, ...others].map((node) => ({
              atMs: 1_000,
              type: 'disk-hang',
              node,
              forMs: 20_000,
            })),
        }),
      ),
  },
]
