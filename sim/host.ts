import type { ClusterEvent } from '../cluster/event.ts'
import { TICK_MS } from '../cluster/limits.ts'
import type { Outbound } from '../cluster/outbox.ts'
import type { Random } from '../cluster/random.ts'
import type { LinkChange } from '../cluster/replica.ts'
import type { Transport } from '../cluster/transport.ts'
import { decode, encode } from '../cluster/wire.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { Answer, Rejection } from '../src/limiter/check.ts'
import type { Node } from '../src/node.ts'
import { type Lie, told } from './lie.ts'
import type { Asked } from './observer.ts'

/** What a host says about its node to whoever watches. */
export interface HostObserver {
  /** The node wants this sent, now, in a frame of so many bytes. */
  sent(from: NodeId, outbound: Outbound, frameBytes: number): void
  /** A check of the node's door is answered. `by` is who decided. */
  answered(check: Asked, answer: Answer | Rejection, by: NodeId): void
  happened(node: NodeId, event: ClusterEvent): void
  /** A frame could not be read, and was dropped. */
  malformed(node: NodeId, from: NodeId): void
}

/**
 * One life of one node: what `src/runtime.ts` is in production, in virtual time. It ticks the node, hands
 * it what arrives, and once per turn carries out what it wants done.
 *
 * A host can be paused, as a process that is stopped or collects garbage: what arrives meanwhile waits, and
 * comes all at once when it wakes.
 */
export class Host {
  readonly node: Node
  readonly #id: NodeId
  readonly #transport: Transport
  readonly #plan: (afterMs: number, happen: () => void) => void
  readonly #worldMs: () => number
  readonly #observer: HostObserver
  readonly #waiting = new Map<number, Asked>()
  /** The host's clock minus the world's, in milliseconds. */
  clockOffsetMs = 0
  alive = true
  /** What is wrong with everything this node says. */
  lie: Lie | undefined
  #pausedUntilMs = 0
  #missed: (() => void)[] = []
  #turnPlanned = false

  constructor(
    dependencies: {
      readonly id: NodeId
      readonly node: Node
      readonly transport: Transport
      readonly random: Random
      readonly plan: (afterMs: number, happen: () => void) => void
      readonly worldMs: () => number
      readonly observer: HostObserver
    },
    clockOffsetMs: number,
  ) {
    const { id, node, transport, random, plan, worldMs, observer } = dependencies
    this.#id = id
    this.node = node
    this.#transport = transport
    this.#plan = plan
    this.#worldMs = worldMs
    this.#observer = observer
    this.clockOffsetMs = clockOffsetMs
    transport.attach({
      received: (from, frame) => this.#receive(from, frame),
      linked: (peer) => this.#observe(peer, { type: 'linked' }),
      unlinked: (peer) => this.#observe(peer, { type: 'unlinked' }),
      refused: (peer) => this.#observe(peer, { type: 'refused' }),
    })
    plan(random.below(TICK_MS), () => this.#tick())
  }

  get nowMs(): number {
    return Math.floor(this.#worldMs() + this.clockOffsetMs)
  }

  get isPaused(): boolean {
    return this.#worldMs() < this.#pausedUntilMs
  }

  /** A client asks at this node's door. */
  ask(check: Asked): void {
    this.#happen(() => {
      const outcome = this.node.check(check.request, this.nowMs)
      // Refusals from memory were decided before, and admissions at once are this node's own.
      if (outcome.type === 'pending') this.#waiting.set(outcome.id, check)
      else this.#observer.answered(check, outcome, this.#id)
    })
  }

  /** Stops the process for a while; what arrives waits. */
  pause(forMs: number): void {
    this.#pausedUntilMs = this.#worldMs() + forMs
    this.#plan(forMs, () => this.#wake())
  }

  leave(): void {
    this.#happen(() => this.node.leave(this.nowMs))
  }

  /** The process is gone; nothing it wanted done happens any more. */
  end(): void {
    this.alive = false
    this.#waiting.clear()
    this.#missed = []
  }

  #receive(from: NodeId, frame: Uint8Array): void {
    this.#happen(() => {
      const decoded = decode(frame)
      if (decoded.type === 'malformed') this.#observer.malformed(this.#id, from)
      else this.node.receive(from, decoded.message, this.nowMs)
    })
  }

  #observe(peer: NodeId, change: LinkChange): void {
    this.#happen(() => this.node.receive(peer, change, this.nowMs))
  }

  #tick(): void {
    if (!this.alive) return
    this.#plan(TICK_MS, () => this.#tick())
    // A stopped process misses its ticks; it does not make up for them.
    if (this.isPaused) return
    this.node.tick(this.nowMs)
    this.#turn()
  }

  #happen(input: () => void): void {
    if (!this.alive) return
    if (this.isPaused) {
      this.#missed.push(input)
      return
    }
    input()
    if (this.#turnPlanned) return
    this.#turnPlanned = true
    this.#plan(0, () => {
      this.#turnPlanned = false
      if (this.alive && !this.isPaused) this.#turn()
    })
  }

  #wake(): void {
    if (!this.alive || this.isPaused) return
    for (const input of this.#missed.splice(0)) input()
    this.#turn()
  }

  #turn(): void {
    const effects = this.node.drain(this.nowMs)
    for (const event of effects.events) this.#observer.happened(this.#id, event)
    for (const outbound of effects.outbound) {
      const { message } = outbound
      const frame = this.lie === undefined ? encode(message) : told(message, this.lie)
      this.#observer.sent(this.#id, outbound, frame.length)
      if (outbound.type === 'broadcast') this.#transport.broadcast(frame)
      else this.#transport.send(outbound.to, frame)
    }
    const deciders = new Map(effects.settled.map(({ id, by }) => [id, by]))
    for (const { id, answer } of effects.answers) {
      const check = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (check !== undefined) this.#observer.answered(check, answer, deciders.get(id) ?? this.#id)
    }
  }
}
