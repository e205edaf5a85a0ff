import { type NodeId, startOfIncarnation } from '../crdt/node-id.ts'
import type { ClusterEvent } from './event.ts'
import { FailureDetector } from './failure-detector.ts'
import {
  CLOCK_AHEAD_MS_MAX,
  FORGET_AFTER_MS,
  GREETERS,
  MEMBERS_MAX,
  REFUSAL_DOUBT_MS,
  REFUTATION_MAX,
  UNREACHED_GRACE_MS,
} from './limits.ts'
import { doubted, isNewer, isPlaced } from './member-order.ts'
import { isGone, type MemberRecord, type MemberState } from './message.ts'
import type { Placement } from './placement.ts'
import { Ring } from './ring.ts'
import { Rumours } from './rumours.ts'

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
  #self: MemberRecord
  readonly #forgetAfterMs: number
  readonly #members = new Map<NodeId, Member>()
  readonly #detector: FailureDetector
  /** Peers with an open link. A link may open before its peer is known by name. */
  readonly #links = new Set<NodeId>()
  readonly #rumours = new Rumours()
  readonly #events: ClusterEvent[] = []
  readonly #ring = new Ring()
  readonly #mayBeAlive = new Set<NodeId>()
  readonly #outOfReach = new Map<NodeId, number>()
  /** Not before this is a member, heard of but never linked, out of reach. */
  #graceMs = Number.POSITIVE_INFINITY
  #linkedPeers: readonly NodeId[] | undefined
  #joiningPeers: readonly NodeId[] | undefined
  /** Nobody's silence says anything new before this. */
  #judgeAtMs = Number.POSITIVE_INFINITY
  #tickedMs = Number.NEGATIVE_INFINITY

  /** `forgetAfterMs`: how long a member that is gone is remembered. */
  constructor(
    self: MemberRecord,
    gossipIntervalMs: number,
    nowMs: number,
    forgetAfterMs: number = FORGET_AFTER_MS,
  ) {
    this.#self = self
    this.#forgetAfterMs = forgetAfterMs
    this.#detector = new FailureDetector(gossipIntervalMs)
    this.#put(self, nowMs)
  }

  get self(): MemberRecord {
    return this.#self
  }

  get placement(): Placement {
    return this.#ring.placement
  }

  /** The placement's, for comparing. */
  get view(): number {
    return this.#ring.view
  }

  get ring(): Pick<Ring, 'size' | 'changedMs'> {
    return this.#ring
  }

  isInRing(id: NodeId): boolean {
    return this.#ring.has(id)
  }

  get records(): MemberRecord[] {
    return [...this.#members.values()].map((member) => member.record)
  }

  /** The other members that are active. */
  activeOthers(): NodeId[] {
    const ids: NodeId[] = []
    for (const id of this.#ring.members) {
      if (this.#members.get(id)?.record.state === 'active' && id !== this.#self.id) ids.push(id)
    }
    return ids
  }

  record(id: NodeId): MemberRecord | undefined {
    return this.#members.get(id)?.record
  }

  /** How many links are open. */
  get links(): number {
    return this.#links.size
  }

  isLinked(id: NodeId): boolean {
    return this.#links.has(id)
  }

  heardAtMs(id: NodeId): number | undefined {
    return this.#detector.heardAtMs(id)
  }

  /**
   * Whether another member has missed a heartbeat. Too little to doubt an owner, which would then be one of
   * two deciders; enough to prefer another stand-in, and to talk to it on the stream. All of one side of a
   * split agree on it within a second.
   */
  isSilent(id: NodeId, nowMs: number): boolean {
    return id !== this.#self.id && this.#detector.isSilent(id, nowMs)
  }

  /** Members with an open link, in order of id. */
  linkedPeers(): readonly NodeId[] {
    this.#linkedPeers ??= [...this.#links].filter((id) => this.#members.has(id)).sort()
    return this.#linkedPeers
  }

  /** Those of them that are joining, as far as this node knows. */
  joiningPeers(): readonly NodeId[] {
    this.#joiningPeers ??= this.linkedPeers().filter((id) => this.record(id)?.state === 'joining')
    return this.#joiningPeers
  }

  /** Enters a new state of this node itself. */
  enter(state: MemberState, nowMs: number): void {
    this.#put({ ...this.self, state }, nowMs)
  }

  /** A rumour, from whomever. Returns whether it was news. */
  merge(rumour: MemberRecord, nowMs: number): boolean {
    if (rumour.id === this.#self.id) return this.#defend(rumour, nowMs)
    const known = this.#members.get(rumour.id)
    const isHeard = this.#links.has(rumour.id) && !this.isSilent(rumour.id, nowMs)
    const record = isHeard && known !== undefined ? doubted(rumour, known.record) : rumour
    if (known === undefined && isGone(record.state)) return false
    if (startOfIncarnation(record.incarnation) > nowMs + CLOCK_AHEAD_MS_MAX) return false
    if (known === undefined && !this.#hasRoom()) return false
    if (known !== undefined && !isNewer(record, known.record)) {
      if (this.#members.size > GREETERS) this.#hush(record, known.record)
      return false
    }
    this.#put(record, nowMs)
    return true
  }

  /** A frame of this member's present life arrived. */
  heard(id: NodeId, nowMs: number): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    this.#detector.heard(id, nowMs)
    if (member.record.state === 'active') return
    // Only this node's own suspicion is lifted by hearing; others answer to a refutation.
    if (member.record.state === 'suspect' && this.#links.has(id))
      this.#restate(member, 'active', nowMs)
    else this.#weigh(member, nowMs)
  }

  linked(id: NodeId, nowMs: number): void {
    this.#links.add(id)
    this.#peersChanged()
    const member = this.#members.get(id)
    if (member === undefined) return
    member.everLinked = true
    member.provenDead = false
    this.#detector.heard(id, nowMs)
    this.#weigh(member, nowMs)
  }

  unlinked(id: NodeId, nowMs: number): void {
    this.#links.delete(id)
    this.#peersChanged()
    const member = this.#members.get(id)
    if (member === undefined) return
    member.unlinkedSinceMs = nowMs
    this.#weigh(member, nowMs)
  }

  /** Proof of death: the member's host refuses connections to it. */
  refused(id: NodeId, nowMs: number): void {
    const member = this.#members.get(id)
    if (member === undefined || this.#links.has(id) || member.record.state === 'left') return
    const heardMs = this.#detector.heardAtMs(id) ?? 0
    if (heardMs > member.unlinkedSinceMs + REFUSAL_DOUBT_MS) return
    member.provenDead = true
    if (member.record.state !== 'dead') this.#restate(member, 'dead', nowMs)
    else this.#weigh(member, nowMs)
  }

  /**
   * An operator's word that a member is gone for good: to everybody it has left, and no side of a split is
   * weighed by it any more. If it lives after all, it denies that as it would its death, and is back. Not
   * believed of who is linked, or has been heard just now. Said again, it is spread again.
   */
  dismiss(id: NodeId, nowMs: number): 'dismissed' | 'unknown' | 'alive' {
    const member = this.#members.get(id)
    if (member === undefined) return 'unknown'
    const isHeard = !isGone(member.record.state) && !this.#detector.isSilent(id, nowMs)
    if (id === this.#self.id || this.#links.has(id) || isHeard) return 'alive'
    this.#restate(member, 'left', nowMs)
    return 'dismissed'
  }

  /** This node itself was stalled: nobody is to be blamed for it. */
  forgive(stallMs: number, nowMs: number): void {
    this.#detector.forgive(stallMs, nowMs)
    for (const [id, sinceMs] of this.#outOfReach) {
      if (this.#links.has(id)) this.#outOfReach.set(id, this.#detector.heardAtMs(id) ?? sinceMs)
    }
  }

  /**
   * Judges silence, and forgets those gone for long. Returns the forgotten. Hearing only puts a judgement
   * off, so nobody is looked at before somebody's time has come, unless the clock went back.
   */
  tick(nowMs: number): readonly NodeId[] {
    const isBack = nowMs < this.#tickedMs
    this.#tickedMs = nowMs
    if (nowMs < this.#judgeAtMs && !isBack) return NOBODY
    this.#judgeAtMs = Number.POSITIVE_INFINITY
    const forgotten: NodeId[] = []
    for (const [id, member] of this.#members) {
      if (id === this.#self.id) continue
      const { state } = member.record
      if (isGone(state)) {
        if (nowMs - member.deadSinceMs > this.#forgetAfterMs) forgotten.push(id)
        else this.#judgeBy(member.deadSinceMs + this.#forgetAfterMs)
        continue
      }
      const verdict = this.#detector.verdict(id, nowMs)
      if (verdict === 'dead') this.#restate(member, 'dead', nowMs)
      else if (verdict === 'suspect' && state === 'active') this.#restate(member, 'suspect', nowMs)
      else this.#judgeBy(this.#detector.nextVerdictMs(id, verdict))
    }
    for (const id of forgotten) this.#forget(id)
    return forgotten
  }

  /**
   * The last agreed members that may be alive, this node included: whoever joined and has not left, is not
   * proven dead, and is not forgotten.
   */
  mayBeAlive(): ReadonlySet<NodeId> {
    return this.#mayBeAlive
  }

  /**
   * Members that may be alive on the far side of a split: not proven dead, but out of reach or not heard.
   * Each comes with the time since when it may have been deciding alone.
   */
  outOfReach(nowMs: number): ReadonlyMap<NodeId, number> {
    if (nowMs >= this.#graceMs) this.#weighAll(nowMs)
    return this.#outOfReach
  }

  /** The records to repeat in the next frame: this node's own first, then at most `most` fresh ones. */
  takeRumours(most: number): MemberRecord[] {
    const records = this.#rumours.take(most, this.#self.id).map((id) => this.record(id))
    return [this.self, ...records.filter((record) => record !== undefined)]
  }

  drainEvents(): readonly ClusterEvent[] {
    if (this.#ring.takeChange()) {
      this.#events.push({ type: 'ring', view: this.#ring.view, members: this.#ring.size })
    }
    return this.#events.length === 0 ? NO_EVENTS : this.#events.splice(0)
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
    const denied = known !== undefined && record.refutation > known.record.refutation
    const member: Member = known ?? {
      record,
      provenDead: false,
      unlinkedSinceMs: nowMs,
      everLinked: this.#links.has(record.id),
      deadSinceMs: 0,
    }
    const changed = known === undefined || known.record.state !== record.state || reborn
    member.record = record
    if (record.id === this.#self.id) this.#self = record
    if (reborn || denied) member.provenDead = false
    if (isGone(record.state)) member.deadSinceMs = nowMs
    else if (changed && record.state !== 'suspect') this.#detector.heard(record.id, nowMs)
    if (known === undefined) {
      this.#members.set(record.id, member)
      this.#linkedPeers = undefined
    }
    if (changed) this.#joiningPeers = undefined
    this.#rumours.spread(record.id)
    this.#weigh(member, nowMs)
    this.#judgeBy(this.#detector.nextVerdictMs(record.id, 'alive'))
    if (!changed) return
    const { id, name, state } = record
    this.#events.push({ type: 'member', id, name, state })
    this.#ring.put(id, isPlaced(state), nowMs)
  }

  #peersChanged(): void {
    this.#linkedPeers = undefined
    this.#joiningPeers = undefined
  }

  /** Looks at the silent no later than this. */
  #judgeBy(atMs: number): void {
    if (atMs < this.#judgeAtMs) this.#judgeAtMs = atMs
  }

  #weighAll(nowMs: number): void {
    this.#graceMs = Number.POSITIVE_INFINITY
    for (const member of this.#members.values()) this.#weigh(member, nowMs)
  }

  /** Whether the member may be alive, and is reached. Asked whenever anything that it depends on changes. */
  #weigh(member: Member, nowMs: number): void {
    const { record, provenDead, everLinked, unlinkedSinceMs } = member
    const { id, state } = record
    const isSelf = id === this.#self.id
    const isMember = isSelf || (!provenDead && state !== 'joining' && state !== 'left')
    if (isMember) this.#mayBeAlive.add(id)
    else this.#mayBeAlive.delete(id)
    const isWithinGrace = !everLinked && nowMs - unlinkedSinceMs < UNREACHED_GRACE_MS
    if (!isMember || isSelf) this.#outOfReach.delete(id)
    else if (this.#links.has(id)) {
      if (state === 'active') this.#outOfReach.delete(id)
      else this.#outOfReach.set(id, this.#detector.heardAtMs(id) ?? nowMs)
    } else if (isWithinGrace) {
      this.#outOfReach.delete(id)
      this.#graceMs = Math.min(this.#graceMs, unlinkedSinceMs + UNREACHED_GRACE_MS)
    } else this.#outOfReach.set(id, unlinkedSinceMs)
  }

  /** In a large cluster somebody else's telling counts as one's own: all of them together are many. */
  #hush(heard: MemberRecord, held: MemberRecord): void {
    if (this.#rumours.has(held.id) && !isNewer(held, heard)) this.#rumours.told(held.id)
  }

  /** Room for one member more, if need be by forgetting the one that has been gone for longest. */
  #hasRoom(): boolean {
    if (this.#members.size < MEMBERS_MAX) return true
    const gone = [...this.#members].filter(([, { record }]) => isGone(record.state))
    gone.sort(([, a], [, b]) => a.deadSinceMs - b.deadSinceMs)
    const [oldest] = gone
    if (oldest === undefined) return false
    this.#forget(oldest[0])
    this.#events.push({ type: 'forgotten', id: oldest[0] })
    return true
  }

  #forget(id: NodeId): void {
    this.#members.delete(id)
    this.#peersChanged()
    this.#rumours.forget(id)
    this.#detector.forget(id)
    this.#mayBeAlive.delete(id)
    this.#outOfReach.delete(id)
  }
}

const NOBODY: readonly NodeId[] = []
const NO_EVENTS: readonly ClusterEvent[] = []
