import { GOSSIP_INTERVAL_MS, LEASE_MS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { sliceAt } from '../../crdt/sliced-counter.ts'
import { limitOf } from '../../src/limiter/limit.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import type { Deed } from '../ledger.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { drains } from './meter.ts'
import { Troubles } from './troubles.ts'
import { Truth } from './truth.ts'

interface Granted {
  readonly by: NodeId
  readonly atMs: number
  readonly untilMs: number
  readonly tokens: number
  left: number
}

/**
 * Invariant 26: a lease is kept. What a node gives out without asking it was granted before, token by token, by
 * leases that were not over: those that end first are taken to be spent first. A lease is never over later than
 * `LEASE_MS` after it was granted, nor given out in another window than it was granted in, nor, of windows that may begin at
 * any time, in another slice. And whoever grants leases never has more than half of a burst leased.
 *
 * Times are not judged where clocks are set while nodes run, and windows not where nodes disagree about them. Who was slow
 * says later than it was what it has granted.
 */
export const leases: Oracle = {
  invariant: 26,
  name: 'leases are kept',
  watch(watch) {
    const { world, found } = watch
    const truth = Truth.of(watch)
    const troubles = Troubles.of(watch)
    const granted = new Map<NodeId, Map<string, Granted[]>>()
    const outOf = (node: NodeId, name: string) => granted.get(node)?.get(name) ?? []
    return {
      started: (node) => granted.delete(node),
      granted({ node: by, rule, key, cost: tokens, lease, atMs }) {
        if (lease?.type !== 'granted') return
        const { to, forMs } = lease
        const name = `${rule}/${key}`
        if (forMs > LEASE_MS) found(`${by} leased ${tokens} of ${name} to ${to} for ${forMs} ms`)
        const held = granted.get(to) ?? new Map<string, Granted[]>()
        const present = outOf(to, name).filter(({ untilMs }) => untilMs > atMs)
        present.push({ by, atMs, untilMs: atMs + forMs, tokens, left: tokens })
        granted.set(to, held.set(name, present))
        const out = world.ids.flatMap((id) => outOf(id, name))
        const leased = out.filter((one) => one.by === by && one.untilMs > atMs)
        const sum = leased.reduce((all, one) => all + one.tokens, 0)
        const burst = Math.min(...(truth.ofName(rule, key)?.policies ?? []).map((one) => one.burst))
        if (sum > burst / 2 && !troubles.rulesDiffer && !troubles.wasSlow(by)) {
          found(`${by} has leased ${sum} of ${name}, more than half of ${burst}`)
        }
      },
      admitted(deed) {
        if (deed.lease?.type !== 'spent') return
        const name = `${deed.rule}/${deed.key}`
        const policies = truth.ofName(deed.rule, deed.key)?.policies ?? []
        let left = deed.cost
        const open = outOf(deed.node, name).sort((one, other) => one.untilMs - other.untilMs)
        for (const lease of open) {
          if (!isOpen(watch, troubles, lease, deed, policies)) continue
          const taken = Math.min(left, lease.left)
          lease.left -= taken
          left -= taken
        }
        if (left > 0) found(`${deed.node} gave out ${left} of ${name} that no lease allowed`)
      },
    }
  },
}

/** Tokens that drain while a lease lasts, and until its decider takes it for over. */
export function drainedInLease(policy: LimitPolicy): number {
  const { count, periodMs } = policy.rate
  return drains(policy) ? ((LEASE_MS + OVER_MS) * count) / periodMs : 0
}

/** Leases are over in steps of 10 ms, after the last whole millisecond at which they may be spent. */
const OVER_MS = 11

function isOpen(
  { experiment }: Watch,
  troubles: Troubles,
  { atMs, untilMs }: Granted,
  deed: Deed,
  policies: readonly LimitPolicy[],
): boolean {
  const { faults, gossipIntervalMs = GOSSIP_INTERVAL_MS } = experiment
  const isSet = 'clockDriftsPpm' in experiment || faults.some(({ type }) => type === 'clock-step')
  if (isSet || troubles.wasSlow(deed.node)) return true
  if (deed.atMs >= untilMs) return false
  if (troubles.clocksDiffer) return true
  return policies.every((policy) => {
    if (drains(policy)) return true
    const limit = limitOf(policy, gossipIntervalMs)
    return sliceAt(limit, Math.floor(atMs)) === sliceAt(limit, Math.floor(deed.atMs))
  })
}
