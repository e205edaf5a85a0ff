import type { Counts, MergeResult } from '../crdt/counts.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { AntiEntropy } from './anti-entropy.ts'
import type { Greeting } from './greeting.ts'
import type { HandOff } from './hand-off.ts'
import type { InStep } from './in-step.ts'
import type { Journeys } from './journeys.ts'
import { FORWARD_STALE_MS } from './limits.ts'
import { isPlaced } from './member-order.ts'
import type { Membership } from './membership.ts'
import type {
  Forward,
  Gossip,
  HandOver,
  Hello,
  MemberRecord,
  Message,
  Repair,
  Reply,
  Step,
} from './message.ts'
import type { Outbox } from './outbox.ts'
import type { PeerClocks } from './peer-clocks.ts'
import type { PeerReports } from './peer-reports.ts'
import { NO_RING } from './placement.ts'
import type { ReplicatedState } from './replicated-state.ts'
import type { Weighing } from './weighing.ts'

export interface HearingDependencies {
  readonly membership: Membership
  readonly state: ReplicatedState
  readonly antiEntropy: AntiEntropy
  readonly greeting: Greeting
  readonly handOff: HandOff
  readonly journeys: Journeys
  readonly clocks: PeerClocks
  readonly reports: PeerReports
  readonly weighing: Weighing
  readonly inStep: InStep
  readonly outbox: Outbox
  /** If given, nobody else may be a member. */
  readonly allowed?: ReadonlySet<NodeId> | undefined
}

/**
 * What is heard from peers, on its way to the pieces that it concerns: news of members and of counts first, then
 * what is asked or answered, so that no check is decided by less than its own frame says.
 */
export class Hearing {
  readonly #membership: Membership
  readonly #state: ReplicatedState
  readonly #antiEntropy: AntiEntropy
  readonly #greeting: Greeting
  readonly #handOff: HandOff
  readonly #journeys: Journeys
  readonly #clocks: PeerClocks
  readonly #reports: PeerReports
  readonly #weighing: Weighing
  readonly #inStep: InStep
  readonly #outbox: Outbox
  readonly #allowed: ReadonlySet<NodeId> | undefined

  constructor(dependencies: HearingDependencies) {
    this.#membership = dependencies.membership
    this.#state = dependencies.state
    this.#antiEntropy = dependencies.antiEntropy
    this.#greeting = dependencies.greeting
    this.#handOff = dependencies.handOff
    this.#journeys = dependencies.journeys
    this.#clocks = dependencies.clocks
    this.#reports = dependencies.reports
    this.#weighing = dependencies.weighing
    this.#inStep = dependencies.inStep
    this.#outbox = dependencies.outbox
    this.#allowed = dependencies.allowed
  }

  message(from: NodeId, message: Message, nowMs: number): void {
    switch (message.type) {
      case 'gossip':
        this.#gossip(from, message, nowMs)
        break
      case 'hello':
        this.#hello(from, message, nowMs)
        break
      case 'forward':
        this.#forward(from, message, nowMs)
        break
      case 'reply':
        this.#reply(from, message, nowMs)
        break
      case 'digest':
        this.#antiEntropy.digest(from, message)
        break
      case 'repair':
        this.#repair(from, message, nowMs)
        break
      case 'hand-over':
        this.#handOver(from, message, nowMs)
        break
      case 'settings':
        this.#reports.has(from, message)
        break
      case 'weights':
        this.#weighing.told(message.tables)
        break
      case 'step':
        this.#step(from, message, nowMs)
        break
      default:
        message satisfies never
    }
  }

  /**
   * Whoever was silent for long may have been cut off for a while without losing its link. What was told
   * meanwhile is lost, and may have fallen off before the next comparison: compare now.
   */
  #heard(from: NodeId, nowMs: number): void {
    const wasSilent = this.#membership.isSilent(from, nowMs)
    this.#membership.heard(from, nowMs)
    if (wasSilent && this.#membership.isLinked(from)) this.#antiEntropy.linked(from, nowMs)
  }

  #gossip(from: NodeId, gossip: Gossip, nowMs: number): void {
    const known = this.#membership.record(from)
    this.#learn(gossip.members, nowMs)
    this.#merge(gossip.counts, from, from, nowMs)
    if (known !== undefined && gossip.incarnation < known.incarnation) return
    this.#heard(from, nowMs)
    if (known !== undefined) {
      this.#clocks.lateMs(from, gossip.sentMs, nowMs)
      this.#reports.sees(from, gossip.view)
      if (gossip.weighing !== undefined) {
        this.#weighing.heard(from, gossip.incarnation, gossip.weighing)
      }
    }
    const present = this.#membership.record(from)
    if (present?.state === 'dead' || gossip.view !== this.#membership.view) {
      this.#greeting.disagreed(from, nowMs)
    }
  }

  #hello(from: NodeId, hello: Hello, nowMs: number): void {
    this.#learn(hello.members, nowMs)
    this.#heard(from, nowMs)
    if (hello.view === this.#membership.view) return
    if (hello.view === NO_RING) this.#greeting.isNew(from, nowMs)
    else this.#greeting.disagreed(from, nowMs)
  }

  #forward(from: NodeId, forward: Forward, nowMs: number): void {
    this.#heard(from, nowMs)
    this.#merge(forward.counts, undefined, from, nowMs)
    if (this.#clocks.lateMs(from, forward.sentMs, nowMs) > FORWARD_STALE_MS) {
      this.#outbox.event({ type: 'stale', peer: from, checks: forward.checks.length })
      return
    }
    if (forward.view !== this.#membership.view) this.#greeting.disagreed(from, nowMs)
    this.#journeys.asked(from, forward, nowMs)
  }

  #reply(from: NodeId, reply: Reply, nowMs: number): void {
    this.#heard(from, nowMs)
    this.#merge(reply.counts, from, from, nowMs)
    if (reply.view !== this.#membership.view) this.#greeting.disagreed(from, nowMs)
    this.#journeys.answered(from, reply, nowMs)
  }

  #repair(from: NodeId, repair: Repair, nowMs: number): void {
    this.#inStep.repaired(from, this.#antiEntropy.repair(from, repair, nowMs), nowMs)
    if (!this.#antiEntropy.isSettled(from)) return
    this.#handOff.compared(from)
    this.#journeys.release(nowMs)
  }

  #handOver(from: NodeId, handOver: HandOver, nowMs: number): void {
    const membership = this.#membership
    this.#merge(handOver.counts, from, from, nowMs)
    this.#handOff.heard(from, handOver, nowMs)
    for (const record of handOver.members) if (record.id === from) membership.merge(record, nowMs)
    this.#heard(from, nowMs)
    this.#journeys.release(nowMs)
  }

  #step(from: NodeId, step: Step, nowMs: number): void {
    this.#heard(from, nowMs)
    const result = this.#merge(step.counts, from, from, nowMs)
    this.#inStep.heard(from, step, result, nowMs)
  }

  /**
   * Rumours about members. Whoever is new in the ring is told at once of the keys it has got; those who come
   * together, by the ring of all of them. That a linked peer has left is its own to say, by a hand-over: before
   * that nobody may decide its keys.
   */
  #learn(records: readonly MemberRecord[], nowMs: number): void {
    const membership = this.#membership
    const newcomers: NodeId[] = []
    for (const record of records) {
      const { id, incarnation, state } = record
      // Nobody could link it: it would only take a place in the ring.
      if (this.#allowed?.has(id) === false && id !== membership.self.id) continue
      if (state === 'left' && membership.isLinked(id)) continue
      const known = membership.record(id)
      // Most rumours are no news, and in a large cluster there are many.
      if (!membership.merge(record, nowMs)) continue
      if (known?.state === 'dead') this.#isBack(id, nowMs)
      const wasThere = known?.incarnation === incarnation && isPlaced(known.state)
      if (!wasThere && membership.isInRing(id)) newcomers.push(id)
    }
    for (const id of newcomers) this.#handOff.tell(id, [], nowMs)
  }

  /** Held dead without its link having been lost, it was told nothing meanwhile, and could tell nothing. */
  #isBack(id: NodeId, nowMs: number): void {
    const membership = this.#membership
    const isAlive = membership.record(id)?.state !== 'dead'
    if (isAlive && membership.isLinked(id)) this.#antiEntropy.linked(id, nowMs)
  }

  #merge(
    counts: Counts,
    author: NodeId | undefined,
    from: NodeId,
    nowMs: number,
  ): MergeResult | undefined {
    if (counts.blocks.length === 0) return undefined
    const result = this.#state.merge(counts, author, nowMs)
    this.#outbox.event({ type: 'merged', from, result })
    return result
  }
}
