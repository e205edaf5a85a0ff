import type { ClusterEvent } from '../cluster/event.ts'
import { TICK_MS } from '../cluster/limits.ts'
import type { Message } from '../cluster/message.ts'
import type { Outbound } from '../cluster/outbox.ts'
import type { Random } from '../cluster/random.ts'
import type { LinkChange } from '../cluster/replica.ts'
import type { Transport } from '../cluster/transport.ts'
import { Writer } from '../cluster/writer.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { Answer, Rejection } from '../src/limiter/check.ts'
import type { Node } from '../src/node.ts'
import type { Disk } from './disk.ts'
import type { Inbox } from './inbox.ts'
import { type Lie, told } from './lie.ts'
import type { Asked } from './observer.ts'
import { type Recalled, Snapshots } from './snapshots.ts'

/** What a host says about its node to whoever watches. */
export interface HostObserver {
  /** The node wants this sent, now, in a frame of so many bytes. */
  sent(from: NodeId, outbound: Outbound, frameBytes: number): void
  /** A check of the node's door is answered. `by` is who decided. */
  answered(check: Asked, answer: Answer | Rejection, by: NodeId): void
  happened(node: NodeId, event: ClusterEvent): void
  /** A frame has arrived and could be read; the node is about to be given it. */
  received(node: NodeId, from: NodeId, message: Message): void
  /** A frame could not be read, and was dropped. */
  malformed(node: NodeId, from: NodeId): void
  /** The node's life began with the snapshot of an earlier one. */
  recalled(node: NodeId, outcome: Recalled): void
}

/**
 * One life of one node: what `src/runtime.ts` is in production, in virtual time. It ticks the node, hands
 * it what arrives, and once per turn carries out what it wants done.
 *
 * A host can be paused, as a process that is stopped or collects garbage, and it can be slow: what arrives
 * meanwhile waits, and comes all at once when the process is free again.
 */
export class Host {
  readonly node: Node
  readonly #id: NodeId
  readonly #transport: Transport
  readonly #plan: (afterMs: number, happen: () => void) => void
  readonly #worldMs: () => number
  readonly #clock: (worldMs: number) => number
  readonly #inbox: Inbox
  readonly #disk: Disk
  readonly #snapshots: Snapshots
  readonly #writer = new Writer()
  readonly #observer: HostObserver
  readonly #waiting = new Map<number, Asked>()
  alive = true
  /** What is wrong with everything this node says. */
  lie: Lie | undefined
  /** Processor time that one frame, check or tick takes, in milliseconds. */
  inputMs = 0
  #busyUntilMs = 0
  #missed: (() => void)[] = []
  #missedTick = false
  /** Checks that a slow process is still at work on. */
  readonly #decided: { readonly check: Asked; readonly outcome: Answer | Rejection }[] = []
  #turnPlanned = false
  readonly #tickNow = () => this.#tick()
  readonly #turnNow = () => {
    this.#turnPlanned = false
    if (this.alive && !this.isPaused) this.#turn()
  }

  constructor(dependencies: {
    readonly id: NodeId
    readonly node: Node
    readonly transport: Transport
    readonly random: Random
    readonly plan: (afterMs: number, happen: () => void) => void
    readonly worldMs: () => number
    /** The process's clock, by the world's. */
    readonly clock: (worldMs: number) => number
    readonly inbox: Inbox
    readonly disk: Disk
    readonly observer: HostObserver
  }) {
    this.#id = dependencies.id
    this.node = dependencies.node
    this.#transport = dependencies.transport
    this.#plan = dependencies.plan
    this.#worldMs = dependencies.worldMs
    this.#clock = dependencies.clock
    this.#inbox = dependencies.inbox
    this.#observer = dependencies.observer
    this.#disk = dependencies.disk
    this.#snapshots = new Snapshots(this.node.limiter, this.#disk, this.nowMs)
    const recalled = this.#snapshots.recall(this.nowMs)
    if (recalled !== undefined) this.#observer.recalled(this.#id, recalled)
    this.#transport.attach({
      received: (from, frame) => this.#receive(from, frame),
      linked: (peer) => this.#observe(peer, LINKED),
      unlinked: (peer) => this.#observe(peer, UNLINKED),
      refused: (peer) => this.#observe(peer, REFUSED),
    })
    this.#plan(dependencies.random.below(TICK_MS), this.#tickNow)
  }

  get nowMs(): number {
    return this.#clock(this.#worldMs())
  }

  /** Stopped, or busy with earlier things: whatever comes has to wait. */
  get isPaused(): boolean {
    return this.#busyUntilMs > 0 && this.#worldMs() < this.#busyUntilMs
  }

  /** A client asks at this node's door. */
  ask(check: Asked): void {
    this.#happen(() => {
      const outcome = this.node.check(check.request, this.nowMs)
      // Refusals from memory were decided before, and admissions at once are this node's own.
      if (outcome.type === 'pending') this.#waiting.set(outcome.id, check)
      else if (this.inputMs === 0) this.#observer.answered(check, outcome, this.#id)
      else this.#decided.push({ check, outcome })
    })
  }

  /** Stops the process for a while; what arrives waits. */
  pause(forMs: number): void {
    this.#occupy(forMs)
  }

  /** The process has all its time again, and gets at once to what waited. */
  relieve(): void {
    this.inputMs = 0
    this.#busyUntilMs = 0
    this.#wake()
  }

  leave(): void {
    this.#happen(() => this.node.leave(this.nowMs))
  }

  /** The process has done all it was asked to do, and writes down what it knows before it ends. */
  saveLast(): void {
    const file = this.#snapshots.last(this.nowMs)
    if (file !== undefined && this.#disk.isWell(this.#worldMs())) this.#disk.replace(file)
  }

  /** The process is gone; nothing it wanted done happens any more. */
  end(): void {
    this.alive = false
    this.#waiting.clear()
    this.#decided.length = 0
    this.#missed = []
  }

  #receive(from: NodeId, frame: Uint8Array): void {
    if (this.isPaused) this.#happen(() => this.#read(from, frame))
    else if (this.alive) {
      this.#read(from, frame)
      this.#planTurn()
    }
  }

  #read(from: NodeId, frame: Uint8Array): void {
    const decoded = this.#inbox.read(frame)
    if (decoded.type === 'malformed') this.#observer.malformed(this.#id, from)
    else {
      this.#observer.received(this.#id, from, decoded.message)
      this.node.receive(from, decoded.message, this.nowMs)
    }
  }

  #observe(peer: NodeId, change: LinkChange): void {
    this.#happen(() => this.node.receive(peer, change, this.nowMs))
  }

  #tick(): void {
    if (!this.alive) return
    this.#plan(TICK_MS, this.#tickNow)
    if (this.isPaused) {
      this.#missedTick = true
      return
    }
    this.node.tick(this.nowMs)
    this.#save()
    if (this.inputMs > 0) this.#occupy(this.inputMs)
    else this.#turn()
  }

  #save(): void {
    const file = this.#snapshots.tick(this.nowMs)
    if (file === undefined) return
    this.#plan(this.#disk.writeMs(this.#worldMs()), () => {
      if (!this.alive) return
      this.#disk.replace(file)
      this.#snapshots.written()
    })
  }

  #happen(input: () => void): void {
    if (!this.alive) return
    if (this.isPaused) {
      this.#missed.push(input)
      return
    }
    input()
    this.#planTurn()
  }

  /** A slow process is done with its input, and sends what comes of it, only some time later. */
  #planTurn(): void {
    if (this.inputMs > 0) this.#occupy(this.inputMs)
    else if (!this.#turnPlanned) {
      this.#turnPlanned = true
      this.#plan(0, this.#turnNow)
    }
  }

  #wake(): void {
    if (!this.alive || this.isPaused) return
    const missed = this.#missed.splice(0)
    const isSlow = this.inputMs > 0
    if (isSlow) this.#turn()
    for (const input of missed) input()
    // Timers that are late fire once. A slow process catches up; one that was stopped waits for the next.
    const ticks = isSlow && this.#missedTick ? 1 : 0
    if (ticks > 0) this.node.tick(this.nowMs)
    this.#missedTick = false
    if (!isSlow) this.#turn()
    else if (missed.length + ticks > 0) this.#occupy((missed.length + ticks) * this.inputMs)
  }

  /** From now on the process has no time for anything else. */
  #occupy(forMs: number): void {
    this.#busyUntilMs = Math.max(this.#busyUntilMs, this.#worldMs() + forMs)
    this.#plan(this.#busyUntilMs - this.#worldMs(), () => this.#wake())
  }

  #turn(): void {
    if (this.#decided.length > 0) this.#answerDecided()
    const { outbound, events, settled, answers } = this.node.drain(this.nowMs)
    for (const event of events) this.#observer.happened(this.#id, event)
    for (const leaving of outbound) this.#send(leaving)
    // Answers come in the order in which their checks were settled.
    let at = 0
    for (const { id, answer } of answers) {
      while (settled[at]?.id !== id) at += 1
      const check = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (check !== undefined) this.#observer.answered(check, answer, settled[at]?.by ?? this.#id)
    }
  }

  #answerDecided(): void {
    for (const { check, outcome } of this.#decided.splice(0)) {
      this.#observer.answered(check, outcome, this.#id)
    }
  }

  #send(outbound: Outbound): void {
    const { message } = outbound
    const frame = this.lie === undefined ? this.#writer.frameOf(message) : told(message, this.lie)
    this.#observer.sent(this.#id, outbound, frame.length)
    if (outbound.type === 'broadcast') this.#transport.broadcast(frame)
    else this.#transport.send(outbound.to, frame)
  }
}

const LINKED: LinkChange = { type: 'linked' }
const UNLINKED: LinkChange = { type: 'unlinked' }
const REFUSED: LinkChange = { type: 'refused' }
