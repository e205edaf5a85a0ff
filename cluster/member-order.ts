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

/**
 * What to make of a rumour about a member that is linked and heard: its death is a suspicion, which it will deny, and
 * which moves no keys. After a split the other side calls everybody here dead.
 */
export function doubted(rumour: MemberRecord, { incarnation }: MemberRecord): MemberRecord {
  const isDoubtful = rumour.state === 'dead' && rumour.incarnation === incarnation
  return isDoubtful ? { ...rumour, state: 'suspect' } : rumour
}
