import type { CopiesWanted } from '../../cluster/copies.ts'
import type { ClusterEvent } from '../../cluster/event.ts'
import { TICK_MS } from '../../cluster/limits.ts'
import { seededRandom } from '../../cluster/random.ts'
import type { LinkChange } from '../../cluster/replica.ts'
import type { Transport } from '../../cluster/transport.ts'
import { decode, encode } from '../../cluster/wire.ts'
import { incarnationAt, type NodeId } from '../../crdt/node-id.ts'
import { memoryAddress, Network, type NetworkOptions } from '../../sim/network.ts'
import type { Adjustment, Answer, CheckRequest, Rejection } from '../../src/limiter/check.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { Node, type Pending } from '../../src/node.ts'

export const DEMO: Rule = {
  name: 'demo',
  limits: [{ rate: { count: 100, periodMs: 1_000 }, burst: 100 }],
}

export interface VirtualClusterOptions {
  readonly nodes: number
  readonly rules?: readonly Rule[]
  readonly seed?: number
  readonly keysMax?: number
  readonly forgetAfterMs?: number
  readonly network?: Partial<NetworkOptions>
  readonly allowed?: ReadonlySet<NodeId> | undefined
  /** How many nodes hold each key, by node or for all. */
  readonly copies?: CopiesWanted | Readonly<Record<string, CopiesWanted>>
}

interface Life {
  readonly node: Node
  readonly transport: Transport
  readonly answers: Map<number, Answer>
  readonly events: ClusterEvent[]
  alive: boolean
  /** What has come while the process was stopped; undefined while it runs. */
  missed: (() => void)[] | undefined
}

const START_MS = 1_700_000_000_000

/** Production nodes on a virtual network in virtual time: what a few processes would do, in microseconds. */
export class VirtualCluster {
  readonly network: Network
  readonly ids: readonly NodeId[]
  readonly #options: VirtualClusterOptions
  readonly #lives = new Map<NodeId, Life>()
  nowMs = START_MS

  constructor(options: VirtualClusterOptions) {
    this.#options = options
    const seed = options.seed ?? 1
    this.network = new Network({
      random: seededRandom(seed),
      delay: { minMs: 1, maxMs: 1 },
      ...options.network,
    })
    this.network.deliver(this.nowMs)
    this.ids = Array.from({ length: options.nodes }, (_, index) => `n${index + 1}` as NodeId)
    for (const id of this.ids) this.start(id)
  }

  /** A new life of a node. */
  start(id: NodeId): void {
    const { rules = [DEMO], keysMax = 1_000, seed = 1 } = this.#options
    const { allowed, forgetAfterMs, copies } = this.#options
    const transport = this.network.transport(id)
    const random = seededRandom(seed * 1_000 + this.nowMs + this.ids.indexOf(id))
    const node = new Node(
      {
        self: {
          id,
          name: id,
          incarnation: incarnationAt(this.nowMs, random.below(4_096)),
          refutation: 0,
          state: 'joining',
          addresses: [memoryAddress(id)],
        },
        rules,
        hashKey: { hi: 1, lo: 2 },
        keysMax,
        gossipIntervalMs: 500,
        forwardTimeoutMs: 150,
        joins: this.#options.nodes > 1,
        allowed,
        ...(forgetAfterMs !== undefined && { forgetAfterMs }),
        copies: typeof copies === 'object' ? copies[id] : copies,
      },
      random,
      this.nowMs,
    )
    const life: Life = {
      node,
      transport,
      answers: new Map(),
      events: [],
      alive: true,
      missed: undefined,
    }
    this.#lives.set(id, life)
    const observe = (peer: NodeId, change: LinkChange) => {
      if (life.alive) node.receive(peer, change, this.nowMs)
    }
    transport.attach({
      received: (from, frame) => {
        const decoded = decode(frame)
        if (decoded.type === 'malformed') throw new Error(`malformed: ${decoded.reason}`)
        const receive = () => {
          if (life.alive) node.receive(from, decoded.message, this.nowMs)
        }
        if (life.missed === undefined) receive()
        else life.missed.push(receive)
      },
      linked: (peer) => observe(peer, { type: 'linked' }),
      unlinked: (peer) => observe(peer, { type: 'unlinked' }),
      refused: (peer) => observe(peer, { type: 'refused' }),
    })
    for (const other of this.ids) if (other !== id) transport.know(other, [memoryAddress(other)])
  }

  node(id: NodeId): Node {
    return this.#life(id).node
  }

  events(id: NodeId): readonly ClusterEvent[] {
    return this.#life(id).events
  }

  /** The process ends at once; its peers' links are reset. */
  kill(id: NodeId): void {
    this.#life(id).alive = false
    this.network.kill(id)
  }

  /** Both ends give their link up, as failed pings make libp2p do after a while, and dial each other from then on. */
  hangUp(a: NodeId, b: NodeId): void {
    for (const [id, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const { transport } = this.#life(id)
      transport.forget(peer)
      transport.know(peer, [memoryAddress(peer)])
    }
  }

  /** Stops the process: what comes for it waits, and it does not notice that time passes. */
  stop(id: NodeId): void {
    this.#life(id).missed = []
  }

  /** The process goes on. What its clients ask may be read before what its peers have sent: call `catchUp`. */
  resume(id: NodeId): { catchUp(): void } {
    const life = this.#life(id)
    const missed = life.missed ?? []
    life.missed = undefined
    return {
      catchUp: () => {
        for (const receive of missed) receive()
        life.node.tick(this.nowMs)
        this.pump()
      },
    }
  }

  /** Lets time pass, a tick at a time. */
  advance(byMs: number): void {
    const untilMs = this.nowMs + byMs
    while (this.nowMs < untilMs) {
      this.nowMs += 1
      this.network.deliver(this.nowMs)
      for (const { node, alive, missed } of this.#lives.values()) {
        if (alive && missed === undefined && this.nowMs % TICK_MS === 0) node.tick(this.nowMs)
      }
      this.pump()
    }
  }

  /** Lets time pass until something holds; fails after `withinMs`. */
  until(holds: () => boolean, withinMs: number): void {
    const deadlineMs = this.nowMs + withinMs
    while (!holds()) {
      if (this.nowMs >= deadlineMs) throw new Error(`did not come true within ${withinMs} ms`)
      this.advance(TICK_MS)
    }
  }

  /** Waits until all live nodes are in one ring. */
  settle(): void {
    const live = this.ids.filter((id) => this.#life(id).alive)
    this.until(
      () =>
        live.every(
          (id) =>
            this.node(id).replica.membership.placement.members.length === live.length &&
            live.every((peer) => peer === id || this.node(id).replica.membership.isLinked(peer)),
        ),
      10_000,
    )
  }

  /** One check, waited for. */
  check(id: NodeId, request: CheckRequest): Answer {
    return this.#awaited(id, this.node(id).check(request, this.nowMs))
  }

  /** The same of what no limit refuses. */
  adjust(id: NodeId, action: Adjustment, request: CheckRequest): Answer {
    return this.#awaited(id, this.node(id).adjust(action, request, this.nowMs))
  }

  #awaited(id: NodeId, outcome: Answer | Pending | Rejection): Answer {
    if (outcome.type === 'answer') return outcome
    if (outcome.type === 'rejected') throw new Error(outcome.detail)
    this.pump()
    const deadlineMs = this.nowMs + 2_000
    for (;;) {
      const answer = this.#life(id).answers.get(outcome.id)
      if (answer !== undefined) return answer
      if (this.nowMs >= deadlineMs) throw new Error('no answer within 2 s')
      this.advance(1)
    }
  }

  /** Starts a check; its answer is found under the returned function later. */
  ask(id: NodeId, request: CheckRequest): () => Answer | undefined {
    const life = this.#life(id)
    const outcome = life.node.check(request, this.nowMs)
    if (outcome.type === 'rejected') throw new Error(outcome.detail)
    if (outcome.type === 'answer') return () => outcome
    return () => life.answers.get(outcome.id)
  }

  /** Carries out what the nodes want done. */
  pump(): void {
    for (const { node, transport, answers, events, alive, missed } of this.#lives.values()) {
      if (!alive || missed !== undefined) continue
      const effects = node.drain(this.nowMs)
      for (const outbound of effects.outbound) {
        const frame = encode(outbound.message)
        if (outbound.type === 'broadcast') transport.broadcast(frame)
        else transport.send(outbound.to, frame)
      }
      for (const { id, answer } of effects.answers) answers.set(id, answer)
      events.push(...effects.events)
    }
  }

  /** A key that `owner` owns, by the ring of the first live node. */
  keyOwnedBy(owner: NodeId, rule = 'demo'): string {
    const judge = this.ids.find((id) => this.#life(id).alive) as NodeId
    const state = this.node(judge).limiter.rule(rule)
    if (state === undefined) throw new Error(`no rule ${rule}`)
    const { placement } = this.node(judge).replica.membership
    for (let number = 0; ; number++) {
      const key = `key-${number}`
      if (placement.owner(state.hash(key).hi) === owner) return key
    }
  }

  #life(id: NodeId): Life {
    const life = this.#lives.get(id)
    if (life === undefined) throw new Error(`no node ${id}`)
    return life
  }
}
