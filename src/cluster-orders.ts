import type { Membership } from '../cluster/membership.ts'
import type { MemberRecord } from '../cluster/message.ts'
import type { Discovery } from '../cluster/transport.ts'

/** What an operator tells a node about its cluster, and what becomes of it. */

/** Stable codes, listed in docs/reference/errors.md. */
export type RefusedOrderCode =
  | 'unknown_member'
  | 'ambiguous_member'
  | 'member_alive'
  | 'invalid_address'
  | 'not_clustered'
  | 'too_many_seeds'

/** An order that was not carried out. Nothing has changed. */
export interface RefusedOrder {
  readonly type: 'refused'
  readonly code: RefusedOrderCode
  /** Why, and how to mend it. */
  readonly detail: string
}

export interface Forgotten {
  readonly type: 'forgotten'
  readonly id: string
  readonly name: string
}

export interface Joined {
  readonly type: 'joined'
  readonly address: string
}

/** A member is gone for good: see `Membership.dismiss`. `named` is its id, or its name if no other has it. */
export function forgetMember(
  membership: Membership,
  named: string,
  nowMs: number,
): Forgotten | RefusedOrder {
  const found = membersCalled(membership, named)
  const [member, another] = found
  if (member === undefined) return refused('unknown_member', unknownMember(membership, named))
  const quoted = JSON.stringify(named)
  if (another !== undefined) {
    const ids = found.map(({ id, state }) => `${id} (${state})`).join(', ')
    return refused(
      'ambiguous_member',
      `${found.length} members are called ${quoted}: name its id, one of ${ids}`,
    )
  }
  const { id, name } = member
  if (membership.dismiss(id, nowMs) === 'dismissed') return { type: 'forgotten', id, name }
  if (id === membership.self.id) {
    return refused(
      'member_alive',
      `${quoted} is the node that was asked: stop it, and it leaves by itself`,
    )
  }
  const why = membership.isLinked(id) ? 'a link to it is open' : 'it has been heard just now'
  return refused(
    'member_alive',
    `${quoted} is alive as far as this node can tell: ${why}. Stop it, and it leaves by itself; after a cut of its power, ask again when the link is gone`,
  )
}

/** An id is nobody else's; a name may be, as that of a pod which came back as somebody new. */
function membersCalled(membership: Membership, named: string): MemberRecord[] {
  const byId = membership.records.filter(({ id }) => id === named)
  return byId.length > 0 ? byId : membership.records.filter(({ name }) => name === named)
}

/** Members that an error names. */
const NAMED_MAX = 10

function unknownMember({ records, self }: Membership, named: string): string {
  const others = records.filter(({ id }) => id !== self.id).map(({ name }) => name)
  const known =
    others.length === 0 ? 'this node knows no other' : others.slice(0, NAMED_MAX).join(', ')
  return `no member is called ${JSON.stringify(named)} (known: ${known})`
}

/** Members may also be found at this address. */
export function joinAt(discovery: Discovery | undefined, address: string): Joined | RefusedOrder {
  if (discovery === undefined) {
    return refused('not_clustered', 'this node is alone by configuration: give it --peer-listen')
  }
  try {
    if (discovery.join(address)) return { type: 'joined', address }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return refused('invalid_address', error.message)
  }
  return refused(
    'too_many_seeds',
    'this node looks in as many places as it can, or is stopping: restart it with other --seeds',
  )
}

function refused(code: RefusedOrderCode, detail: string): RefusedOrder {
  return { type: 'refused', code, detail }
}
