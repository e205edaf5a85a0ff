import { type NodeId, startOfIncarnation } from '../crdt/node-id.ts'
import type { ClusterEvent } from './event.ts'
import { FailureDetector } from './failure-detector.ts'
import {
  CLOCK_AHEAD_MS_MAX,
  FORGET_AFTER_MS,
  MEMBERS_MAX,
  REFUSAL_DOUBT_MS,
  REFUTATION_MAX,
  RUMOUR_REPEATS,
  UNREACHED_GRACE_MS,
} from './limits.ts'
import { MEMBER_STATES, type MemberRecord, type MemberState } from './message.ts'
import { Placement } from './placement.ts'
import { RingPoints } from './ring-points.ts'

interface Member {
  record: MemberRecord
  /** Its host said that nobody listens there any more. */
  provenDead: boolean
  /** Since when there is no link; for a new member, since when it is known. */
  unlinkedSinceMs: number
  everLinked: boolean
  deadSinceMs: number
}

/**
 * Who is in the cluster, as far as this node knows: a table of records that only grow newer, spread as
 * rumours in gossip frames (SWIM, Das et al. 2002, with memberlist's incarnations and refutation).
 *
 * A record is newer by (incarnation, refutation, state), in that order; merging keeps the newer one, so
 * tables of nodes that hear each other become equal. Whoever hears itself accused answers with a higher
 * refutation. The ring holds members that are active or suspect, and changes on nothing less than a join,
 * a leave or a death.
 */
export class Membership {
  readonly #self: NodeId
  readonly #members = new Map<NodeId, Member>()
  readonly #detector: FailureDetector
  /** Peers with an open link. A link may open before its peer is known by name. */
  readonly #links = new Set<NodeId>()
  /** Records to repeat in gossip, and how often still. */
  readonly #rumours = new Map<NodeId, number>()
  readonly #events: ClusterEvent[] = []
  readonly #ringPoints = new RingPoints()
  #placement = new Placement([])
  #placementIsStale = false

  constructor(self: MemberRecord, gossipIntervalMs: number, nowMs: number) {
    this.#self = self.id
    this.#detector = new FailureDetector(gossipIntervalMs)
    this.#put(self, nowMs)
  }

  get self(): MemberRecord {
    return (this.#members.get(this.#self) as Member).record
  }

  /** Drawn when it is asked for: a frame that names many members draws one ring, not one for each. */
  get placement(): Placement {
    if (this.#placementIsStale) this.#replace()
    return this.#placement
  }

  get records(): MemberRecord[] {
    return [...this.#members.values()].map((member) => member.record)
  }

  record(id: NodeId): MemberRecord | undefined {
    return this.#members.get(id)?.record
  }

  isLinked(id: NodeId): boolean {
    return this.#links.has(id)
  }

  heardAtMs(id: NodeId): number | undefined {
    return this.#detector.heardAtMs(id)
  }

  /** Members with an open link, in order of id. */
  linkedPeers(): NodeId[] {
    return [...this.#links].filter((id) => this.#members.has(id)).sort()
  }

  /** Enters a new state of this node itself. */
  enter(state: MemberState, nowMs: number): void {
    this.#put({ ...this.self, state }, nowMs)
  }

  /** A rumour, from whomever. Returns whether it was news. */
  merge(record: MemberRecord, nowMs: number): boolean {
    if (record.id === this.#self) return this.#defend(record, nowMs)
    const known = this.#members.get(record.id)
    if (known === undefined && (record.state === 'left' || record.state === 'dead')) return false
    if (startOfIncarnation(record.incarnation) > nowMs + CLOCK_AHEAD_MS_MAX) return false
    if (known === undefined && !this.#hasRoom()) return false
    if (known !== undefined && !isNewer(record, known.record)) return false
    this.#put(record, nowMs)
    return true
  }

  /** A frame of this member's present life arrived. */
  heard(id: NodeId, nowMs: number): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    this.#detector.heard(id, nowMs)
    // Only this node's own suspicion is lifted by hearing; others answer to a refutation.
    if (member.record.state === 'suspect' && this.#links.has(id))
      this.#restate(member, 'active', nowMs)
  }

  linked(id: NodeId, nowMs: number): void {
    this.#links.add(id)
    const member = this.#members.get(id)
    if (member === undefined) return
    member.everLinked = true
    member.provenDead = false
    this.#detector.heard(id, nowMs)
  }

  unlinked(id: NodeId, nowMs: number): void {
    this.#links.delete(id)
    const member = this.#members.get(id)
    if (member !== undefined) member.unlinkedSinceMs = nowMs
  }

  /** Proof of death: the member's host refuses connections to it. */
  refused(id: NodeId, nowMs: number): void {
    const member = this.#members.get(id)
    if (member === undefined || this.#links.has(id) || member.record.state === 'left') return
    const heardMs = this.#detector.heardAtMs(id) ?? 0
    if (heardMs > member.unlinkedSinceMs + REFUSAL_DOUBT_MS) return
    member.provenDead = true
    if (member.record.state !== 'dead') this.#restate(member, 'dead', nowMs)
  }

  /** This node itself was stalled: nobody is to be blamed for it. */
  forgive(stallMs: number): void {
    this.#detector.forgive(stallMs)
  }

  /** Judges silence, and forgets those gone for long. Returns the forgotten. */
  tick(nowMs: number): NodeId[] {
    const forgotten: NodeId[] = []
    for (const [id, member] of this.#members) {
      if (id === this.#self) continue
      const { state } = member.record
      if (state === 'dead' || state === 'left') {
        if (nowMs - member.deadSinceMs > FORGET_AFTER_MS) forgotten.push(id)
        continue
      }
      const verdict = this.#detector.verdict(id, nowMs)
      if (verdict === 'dead') this.#restate(member, 'dead', nowMs)
      else if (verdict === 'suspect' && state === 'active') this.#restate(member, 'suspect', nowMs)
    }
    for (const id of forgotten) this.#forget(id)
    return forgotten
  }

  /**
   * The last agreed members that may be alive, this node included: whoever joined and has not left, is not
   * proven dead, and is not forgotten.
   */
  mayBeAlive(): Set<NodeId> {
    const members = new Set<NodeId>()
    for (const [id, { record, provenDead }] of this.#members) {
      const { state } = record
      const isMember = !provenDead && state !== 'joining' && state !== 'left'
      if (id === this.#self || isMember) members.add(id)
    }
    return members
  }

  /**
   * Members that may be alive on the far side of a split: not proven dead, but out of reach or not heard.
   * Each comes with the time since when it may have been deciding alone.
   */
  outOfReach(nowMs: number): Map<NodeId, number> {
    const sinceMs = new Map<NodeId, number>()
    for (const id of this.mayBeAlive()) {
      const { record, everLinked, unlinkedSinceMs } = this.#members.get(id) as Member
      if (id === this.#self) continue
      if (this.#links.has(id)) {
        if (record.state !== 'active') sinceMs.set(id, this.#detector.heardAtMs(id) ?? nowMs)
      } else if (everLinked || nowMs - unlinkedSinceMs >= UNREACHED_GRACE_MS) {
        sinceMs.set(id, unlinkedSinceMs)
      }
    }
    return sinceMs
  }

  /** Members not heard for so long. */
  silentFor(silentMs: number, nowMs: number): NodeId[] {
    return [...this.#members.keys()].filter(
      (id) => id !== this.#self && nowMs - (this.#detector.heardAtMs(id) ?? 0) > silentMs,
    )
  }

  /** The records to repeat in the next frame: this node's own first, then at most `most` fresh ones. */
  takeRumours(most: number): MemberRecord[] {
    const records = [this.self]
    for (const [id, repeats] of this.#rumours) {
      if (records.length > most) break
      if (repeats <= 1) this.#rumours.delete(id)
      else this.#rumours.set(id, repeats - 1)
      const member = this.#members.get(id)
      if (member !== undefined && id !== this.#self) records.push(member.record)
    }
    return records
  }

  drainEvents(): ClusterEvent[] {
    if (this.#placementIsStale) this.#replace()
    return this.#events.splice(0)
  }

  /** A rumour about this node: if it is worse than the truth, deny it. */
  #defend(record: MemberRecord, nowMs: number): boolean {
    const own = this.self
    if (!isNewer(record, own)) return false
    if (record.incarnation !== own.incarnation) {
      // Another process with this identity, or a clock that went back before this start.
      this.#events.push({ type: 'usurped', incarnation: record.incarnation })
      return false
    }
    const refutation = Math.min(record.refutation + 1, REFUTATION_MAX)
    this.#put({ ...own, refutation }, nowMs)
    this.#events.push({ type: 'refuted', refutation })
    return true
  }

  #restate(member: Member, state: MemberState, nowMs: number): void {
    this.#put({ ...member.record, state }, nowMs)
  }

  #put(record: MemberRecord, nowMs: number): void {
    const known = this.#members.get(record.id)
    const reborn = known !== undefined && record.incarnation > known.record.incarnation
    const refutationBefore = known?.record.refutation ?? 0
    const member: Member = known ?? {
      record,
      provenDead: false,
      unlinkedSinceMs: nowMs,
      everLinked: this.#links.has(record.id),
      deadSinceMs: 0,
    }
    const changed = known === undefined || known.record.state !== record.state || reborn
    member.record = record
    const denied = known !== undefined && record.refutation > refutationBefore
    if (reborn || denied) member.provenDead = false
    if (record.state === 'dead' || record.state === 'left') member.deadSinceMs = nowMs
    else if (changed && record.state !== 'suspect') this.#detector.heard(record.id, nowMs)
    this.#members.set(record.id, member)
    this.#spread(record.id)
    if (!changed) return
    const { id, name, state } = record
    this.#events.push({ type: 'member', id, name, state })
    this.#placementIsStale = true
  }

  #spread(id: NodeId): void {
    this.#rumours.delete(id)
    this.#rumours.set(id, RUMOUR_REPEATS)
  }

  /** Room for one member more, if need be by forgetting the one that has been gone for longest. */
  #hasRoom(): boolean {
    if (this.#members.size < MEMBERS_MAX) return true
    const gone = [...this.#members].filter(
      ([, { record }]) => record.state === 'dead' || record.state === 'left',
    )
    gone.sort(([, a], [, b]) => a.deadSinceMs - b.deadSinceMs)
    const [oldest] = gone
    if (oldest === undefined) return false
    this.#forget(oldest[0])
    this.#events.push({ type: 'forgotten', id: oldest[0] })
    return true
  }

  #forget(id: NodeId): void {
    this.#members.delete(id)
    this.#rumours.delete(id)
    this.#detector.forget(id)
  }

  /** Draws the ring anew if its members changed. */
  #replace(): void {
    this.#placementIsStale = false
    const inRing = [...this.#members.values()]
      .filter(({ record }) => record.state === 'active' || record.state === 'suspect')
      .map(({ record }) => record.id)
    const same =
      inRing.length === this.#placement.members.length &&
      inRing.every((id) => this.#placement.has(id))
    if (same) return
    this.#placement = new Placement(inRing, this.#ringPoints)
    const { view, members } = this.#placement
    this.#events.push({ type: 'ring', view, members: members.length })
  }
}

/** Whether `a` overrides `b`. A strict order on (incarnation, refutation, state). */
function isNewer(a: MemberRecord, b: MemberRecord): boolean {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation
  if (a.refutation !== b.refutation) return a.refutation > b.refutation
  return MEMBER_STATES.indexOf(a.state) > MEMBER_STATES.indexOf(b.state)
}
