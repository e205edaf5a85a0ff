import type { Membership } from '../cluster/membership.ts'
import { MEMBER_STATES, type MemberState } from '../cluster/message.ts'
import type { ClusterStatus, MemberStatus } from './running-node.ts'

/** The members as one node sees them, for those who look at it. */

export function clusterStatus(membership: Membership, nowMs: number): ClusterStatus {
  const { self, placement } = membership
  return {
    node: self.name,
    id: self.id,
    view: placement.view,
    members: memberStatuses(membership, nowMs),
  }
}

/** By name, and those of one name by id. */
function memberStatuses(membership: Membership, nowMs: number): MemberStatus[] {
  const members = membership.records.map((record) => {
    const self = record.id === membership.self.id
    const heardAtMs = membership.heardAtMs(record.id)
    const heardMsAgo = heardAtMs === undefined ? null : Math.max(0, nowMs - heardAtMs)
    return {
      id: record.id,
      name: record.name,
      state: record.state,
      incarnation: record.incarnation,
      self,
      linked: membership.isLinked(record.id),
      heardMsAgo: self ? 0 : heardMsAgo,
      addresses: record.addresses,
    }
  })
  return members.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
}

/** How many other members are in each state. */
export function peersByState({ records, self }: Membership): Map<MemberState, number> {
  const peers = new Map<MemberState, number>(MEMBER_STATES.map((state) => [state, 0]))
  for (const { id, state } of records) {
    if (id !== self.id) peers.set(state, (peers.get(state) ?? 0) + 1)
  }
  return peers
}
