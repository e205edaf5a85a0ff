import { nothing } from '../../../sim/scenarios/scenario.ts'
import { DEMO, HALF } from '../rules.ts'
import { asIn, type Fault, NODES, type Stage, usual } from './fault.ts'

/** Nodes come and go in order, and limits change. */
export const JOINS_AND_LEAVES: readonly Fault[] = [
  {
    ...usual,
    ...asIn('leave-saturated'),
    name: 'leave-owner',
    story: 'SIGTERM: the owner of a saturated key leaves in order',
    async strike({ cluster, owner, after }) {
      await cluster.leave(owner)
      await after(1_000)
      return undefined
    },
  },
  {
    ...usual,
    ...asIn('rolling-restart'),
    name: 'rolling-restart',
    inARow: NODES.loopback,
    joins: true,
    story: 'SIGTERM of one node after the other, each started again when it has ended',
    async strike({ cluster, owner, successors }) {
      for (const name of [owner, ...successors]) {
        await cluster.leave(name)
        await cluster.heal()
      }
      return undefined
    },
  },
  {
    ...usual,
    ...asIn('join-saturated'),
    name: 'join',
    joins: true,
    story: 'a node joins and takes the saturated key over',
    async prepare({ cluster, owner, successors }) {
      await cluster.leave(owner)
      await cluster.settled(successors)
    },
    async strike({ cluster, after }) {
      await cluster.heal()
      await after(1_000)
      return undefined
    },
  },
  {
    ...usual,
    rule: 'changing',
    name: 'change-limits',
    story: 'the rules file is rewritten: half the limit, and the whole one again',
    ...nothing,
    async strike(stage) {
      const { after, nowMs } = stage
      const beginMs = nowMs()
      await rewritten(stage, HALF)
      const halvedMs = nowMs()
      await after(3_000)
      const endMs = nowMs()
      await rewritten(stage, DEMO)
      const wholeMs = nowMs()
      await after(1_000)
      const [start, end] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
      return {
        spans: [
          { fromMs: start, toMs: beginMs, limit: DEMO },
          { fromMs: halvedMs, toMs: endMs, limit: HALF },
          { fromMs: wholeMs, toMs: end, limit: DEMO },
          { fromMs: start, toMs: end, limit: DEMO },
        ],
      }
    },
  },
]

async function rewritten({ cluster }: Stage, limit: typeof DEMO): Promise<void> {
  const since = cluster.logLengths
  cluster.writeRules(limit)
  await cluster.logged('rules_changed', since)
}
