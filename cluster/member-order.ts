import { MEMBER_STATES, type MemberRecord, type MemberState } from './message.ts'

/** Whether the ring holds members in this state. */
export function isPlaced(state: MemberState): boolean {
  return state === 'active' || state === 'suspect'
}

/** Whether `a` overrides `b`. A strict order on (incarnation, refutation, state). */
export function isNewer(a: MemberRecord, b: MemberRecord): boolean {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation
  if (a.refutation !== b.refutation) return a.refutation > b.refutation
  if (a.state === b.state) return false
  return MEMBER_STATES.indexOf(a.state) > MEMBER_STATES.indexOf(b.state)
}
