import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { mayOwe } from '../corrections.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { drains } from './meter.ts'
import { ringMs } from './ring-length.ts'
import { looksOf } from './sample.ts'
import { Troubles } from './troubles.ts'
import { type TrueKey, Truth } from './truth.ts'

const EVERY_LOOKS = looksOf(500)
/** A key that nobody asked for in this time is not in demand. */
const PAUSE_MS = 500
/** Until a side of a split has noticed who is missing. */
const NOTICED_MS = 5_000

interface Demand {
  readonly key: TrueKey
  readonly sinceMs: number[]
  readonly askedMs: number[]
  readonly admittedMs: number[]
}

/**
 * Invariant 15: a side of a split on which a key is asked for admits something of it, and so does a cluster
 * that is whole; but under `closed`. A debt is over after the length of the ring, n·w. From then on a side
 * whose share is 1/N lets a check in as soon as its bucket is empty, and that empties from B + N·cost at R:
 *
 *     patience = n·w + (B + N·cost)/R + 5 s to notice        for a window two periods instead of the quotient
 *
 * Clients that owe tokens, by penalties or by needing more than they reserved, may be refused for as long as they do
 * so: their rules are not judged.
 * Counted from the last trouble. Full tables refuse for other reasons, as do nodes that nobody understands.
 */
export const noStarvation: Oracle = {
  invariant: 15,
  name: 'no side starves',
  watch(watch) {
    const { world, found } = watch
    const truth = Truth.of(watch)
    const troubles = Troubles.of(watch)
    const patienceMs = patienceOf(watch)
    const demands = new Map<TrueKey, Demand>()
    const demandOf = (rule: string, text: string) => {
      const key = truth.ofText(rule, text)
      if (key === undefined || !patienceMs.has(rule)) return undefined
      const known = demands.get(key)
      if (known !== undefined) return known
      const none = () => world.ids.map(() => 0)
      const demand = { key, sinceMs: none(), askedMs: none(), admittedMs: none() }
      demands.set(key, demand)
      return demand
    }
    const indexes = new Map(world.ids.map((id, index) => [id, index]))
    let looks = 0
    return {
      asked({ node, request, askedMs, action = 'check' }) {
        const demand = action === 'check' ? demandOf(request.rule, request.key) : undefined
        if (demand === undefined) return
        const at = indexes.get(node) as number
        if (askedMs - (demand.askedMs[at] as number) > PAUSE_MS) demand.sinceMs[at] = askedMs
        demand.askedMs[at] = askedMs
      },
      admitted({ rule, key, node, atMs }) {
        const known = truth.ofName(rule, key)
        const demand = known === undefined ? undefined : demands.get(known)
        if (demand !== undefined) demand.admittedMs[indexes.get(node) as number] = atMs
      },
      look() {
        looks += 1
        if (looks % EVERY_LOOKS !== 0 || troubles.rulesDiffer || isCrowded(watch)) return
        for (const side of troubles.sides()) {
          if (side.some((id) => troubles.hasLied(id) || world.host(id).isPaused)) continue
          for (const demand of demands.values()) {
            const members = side.map((id) => indexes.get(id) as number)
            const waitedMs = waited(demand, members, troubles.struckMs, world.nowMs)
            const patience = patienceMs.get(demand.key.rule) as number
            if (waitedMs <= patience) continue
            demands.delete(demand.key)
            found(starving(demand.key, side, waitedMs))
          }
        }
      },
    }
  },
}

function starving({ rule, name }: TrueKey, side: readonly NodeId[], waitedMs: number): string {
  return `${side.join('+')} admitted nothing of ${rule}/${name} for ${Math.round(waitedMs)} ms of demand`
}

/** For how long a side has asked in vain, undisturbed. */
function waited(
  demand: Demand,
  members: readonly number[],
  stableMs: number,
  nowMs: number,
): number {
  let sinceMs = Number.POSITIVE_INFINITY
  let admittedMs = 0
  for (const at of members) {
    admittedMs = Math.max(admittedMs, demand.admittedMs[at] as number)
    if (nowMs - (demand.askedMs[at] as number) > PAUSE_MS) continue
    sinceMs = Math.min(sinceMs, demand.sinceMs[at] as number)
  }
  return nowMs - Math.max(sinceMs, admittedMs, stableMs)
}

/** By rule; none for rules under which a side may starve. */
function patienceOf({ experiment }: Watch): Map<string, number> {
  const { rules, nodes, workload, gossipIntervalMs = GOSSIP_INTERVAL_MS } = experiment
  const patient = (rule: Rule) => {
    const costs = workload
      .filter((flow) => flow.rule === rule.name)
      .map(({ cost }) => cost?.max ?? 1)
    return rule.limits.reduce((most, policy) => {
      const { rate, burst } = policy
      const charged = nodes * Math.max(1, ...costs)
      const emptyMs = drains(policy)
        ? ((burst + charged) * rate.periodMs) / rate.count
        : 2 * rate.periodMs
      return Math.max(most, ringMs(policy, gossipIntervalMs) + emptyMs)
    }, 0)
  }
  return new Map(
    rules
      .filter(({ name, onPartition }) => onPartition !== 'closed' && !mayOwe(workload, name))
      .map((rule) => [rule.name, patient(rule) + NOTICED_MS]),
  )
}

function isCrowded({ world }: Watch): boolean {
  return world.live.some((id) =>
    [...world.host(id).node.limiter.rules].some(
      ({ store }) => store.table.rowsSeen >= store.table.rowsMax,
    ),
  )
}
