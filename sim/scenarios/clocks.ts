import type { NodeId } from '../../crdt/node-id.ts'
import { nodesOf } from '../experiment.ts'
import { B, hotKeyStory, R, type Scenario, setting } from './scenario.ts'

const SAFETY_MS = 10_000
const AT_MS = 3_000

/** The owner's clock is ahead and everybody else's behind, or the reverse; then the owner dies. */
function apart(errorMs: number, sign: 1 | -1): Scenario {
  return {
    name: `clocks-${sign === 1 ? 'ahead' : 'behind'}-${errorMs}ms`,
    story: `the owner's clock is ${errorMs} ms ${sign === 1 ? 'ahead' : 'behind'}, the others' the reverse, and it is killed`,
    setting,
    formula: `min(B, 2·e·R) + u, u ≤ B/10, e = ${errorMs} ms`,
    bound: () => Math.min(B, (2 * errorMs * R) / 1_000) + B / 10,
    experiment: (seed, from) => {
      let killed: NodeId | undefined
      const story = hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => {
          killed = node
          return [{ atMs: AT_MS, type: 'kill', node }]
        },
      })
      const clockOffsetsMs = nodesOf(from).map((id) => (id === killed ? sign : -sign) * errorMs)
      return { ...story, clockOffsetsMs }
    },
  }
}

const HOUR_MS = 3_600_000

function stepped(name: string, byMs: number): Scenario {
  return {
    name,
    story: `the owner's clock is set ${byMs > 0 ? 'forward' : 'back'} an hour`,
    setting,
    formula: '0: a running node does not follow its wall clock',
    bound: () => 0,
    experiment: (seed, from) =>
      hotKeyStory(seed, from, {
        safetyMs: SAFETY_MS,
        plot: (node) => [{ atMs: AT_MS, type: 'clock-step', node, byMs }],
      }),
  }
}

/** Slices are named by wall time, and wall clocks differ. */
export const CLOCKS: readonly Scenario[] = [
  apart(50, 1),
  apart(50, -1),
  apart(250, 1),
  apart(250, -1),
  apart(1_200, 1),
  stepped('clock-forward-hour', HOUR_MS),
  stepped('clock-back-hour', -HOUR_MS),
]
