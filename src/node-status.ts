import { standing, type Weights, weightOf } from '../cluster/partition-policy.ts'
import type { Replica } from '../cluster/replica.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { clusterStatus } from './cluster-view.ts'
import type { Limiter } from './limiter/limiter.ts'
import type { Node } from './node.ts'
import type { MemberReport, MemberStatus, NodeStatus, Readiness } from './running-node.ts'

/** What the node's pump knows beside its core. */
export interface PumpStatus extends Readiness {
  readonly rules: NodeStatus['rules']
  readonly lagMs: number
}

export function nodeStatus(
  { replica, limiter }: Node,
  pump: PumpStatus,
  nowMs: number,
): NodeStatus {
  const { node, id, view, members } = clusterStatus(replica.membership, nowMs)
  return {
    node,
    id,
    ready: pump.ready,
    state: pump.state,
    rules: pump.rules,
    keys: fullestTable(limiter),
    lagMs: pump.lagMs,
    partition: reachOf(replica, nowMs),
    view,
    settings: replica.reports.own ?? null,
    members: members.map((member) => reportOf(replica, member)),
  }
}

/** The share of the limits that this node gives out: 1 while everybody who may be alive is reached. */
export function partitionWeight(
  { reaching, membership }: Replica,
  weights: Weights,
  nowMs: number,
): number {
  return weightOf(standing('share', reaching.reachFor(membership.self.id, nowMs, weights)))
}

/** By how much the clocks of linked peers are ahead of this node's, by the peers' names. */
export function clockOffsetsMs({ membership, clocks }: Replica): Map<string, number> {
  const offsets = new Map<string, number>()
  for (const id of membership.linkedPeers()) {
    const offsetMs = clocks.offsetMs(id)
    const name = membership.record(id)?.name
    if (offsetMs !== undefined && name !== undefined) offsets.set(name, offsetMs)
  }
  return offsets
}

function reachOf(replica: Replica, nowMs: number): NodeStatus['partition'] {
  const { reached, members } = replica.reaching.reachFor(replica.membership.self.id, nowMs)
  return { reached, members }
}

function reportOf({ membership, reports, clocks }: Replica, member: MemberStatus): MemberReport {
  const id = member.id as NodeId
  if (member.self) {
    return { ...member, view: membership.view, clockOffsetMs: 0, settings: reports.own ?? null }
  }
  const said = reports.of(id)
  return {
    ...member,
    view: said?.view ?? null,
    clockOffsetMs: clocks.offsetMs(id) ?? null,
    settings: said?.settings ?? null,
  }
}

function fullestTable(limiter: Limiter): NodeStatus['keys'] {
  let fullest: NodeStatus['keys'] = null
  for (const { rule, store } of limiter.rules) {
    const { rows, rowsMax } = store.table
    const isFuller = fullest === null || rows / rowsMax > fullest.rows / fullest.rowsMax
    if (rule.isInternal !== true && isFuller) fullest = { rule: rule.name, rows, rowsMax }
  }
  return fullest
}
