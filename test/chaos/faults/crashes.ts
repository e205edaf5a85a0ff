import { nothing } from '../../../sim/scenarios/scenario.ts'
import { asIn, type Fault, NODES, next, usual } from './fault.ts'

/** For how long a node stays away, when it is not the point that it is back at once. */
const AWAY_MS = 2_500

/** Processes end without a word. */
export const CRASHES: readonly Fault[] = [
  {
    ...usual,
    ...asIn('kill-owner'),
    name: 'kill-owner',
    story: 'SIGKILL of the owner of a saturated key',
    async strike({ cluster, owner, after }) {
      await cluster.kill(owner)
      await after(AWAY_MS)
      return undefined
    },
  },
  {
    ...usual,
    ...asIn('kill-owner-in-burst'),
    name: 'kill-owner-in-burst',
    story: 'SIGKILL of the owner 20 ms into a burst on an idle key',
    leadMs: 20,
    paceMs: 4,
    async strike({ cluster, owner, after }) {
      await cluster.kill(owner)
      await after(AWAY_MS)
      return undefined
    },
  },
  {
    ...usual,
    name: 'kill-other',
    story: 'SIGKILL of a node that does not own the key',
    ...nothing,
    async strike(stage) {
      await stage.cluster.kill(next(stage))
      await stage.after(AWAY_MS)
      return undefined
    },
  },
  {
    ...usual,
    ...asIn('kill-owner-and-successor'),
    name: 'kill-owner-and-successor',
    story: 'SIGKILL of the owner and of the node next in line, together',
    async strike(stage) {
      await stage.cluster.kill(stage.owner, next(stage))
      await stage.after(AWAY_MS)
      return undefined
    },
  },
  {
    ...usual,
    ...asIn('crash-and-restart'),
    name: 'kill-and-restart',
    joins: true,
    story: 'SIGKILL of the owner, which is started again at once',
    async strike({ cluster, owner }) {
      await cluster.kill(owner)
      await cluster.heal()
      return undefined
    },
  },
  {
    ...usual,
    ...asIn('rolling-kill'),
    name: 'rolling-kill',
    inARow: NODES.loopback,
    joins: true,
    story: 'SIGKILL of one node after the other, each started again after 2 s',
    async strike({ cluster, owner, successors, after }) {
      for (const name of [owner, ...successors]) {
        await cluster.kill(name)
        await after(2_000)
        await cluster.heal()
      }
      return undefined
    },
  },
  {
    ...usual,
    ...asIn('restart-of-all'),
    name: 'restart-of-all',
    story: 'SIGKILL of all nodes at once, and all are started again',
    async strike({ cluster, nowMs }) {
      const fromMs = nowMs()
      await cluster.kill(...cluster.names)
      await cluster.heal()
      return { outage: { fromMs, toMs: nowMs() } }
    },
  },
]
