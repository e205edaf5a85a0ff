import type { Outbound } from '../cluster/outbox.ts'
import { type Random, seededRandom } from '../cluster/random.ts'
import { INCARNATION_RANDOM_BITS, incarnationAt, type NodeId } from '../crdt/node-id.ts'
import type { Answer, CheckRequest } from '../src/limiter/check.ts'
import type { Rule } from '../src/limiter/policy.ts'
import { Node } from '../src/node.ts'
import type { Fault } from './fault.ts'
import { Host, type HostObserver } from './host.ts'
import { keyName, Ledger } from './ledger.ts'
import { memoryAddress, Network, type NetworkOptions } from './network.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly nodes: number
  readonly rules: readonly Rule[]
  readonly network?: Partial<Omit<NetworkOptions, 'random'>>
  readonly keysMax?: number
  readonly gossipIntervalMs?: number
  readonly forwardTimeoutMs?: number
  /** Each node's clock minus the world's, in milliseconds; by default all are right. */
  readonly clockOffsetsMs?: readonly number[]
}

/** What a client saw of one check. */
export interface ClientAnswer {
  readonly node: NodeId
  readonly request: CheckRequest
  readonly answer: Answer
  readonly askedMs: number
  readonly answeredMs: number
}

/** When every simulated world begins: some moment in 2023. */
export const START_MS = 1_700_000_000_000

/**
 * A whole cluster on one thread, in virtual time. Production nodes, wired by a network that is as late and
 * as unreliable as it is told to be; faults as a list; everything drawn from one seed. Equal options give
 * an equal run, which the trace hash shows.
 */
export class Simulation implements HostObserver {
  readonly network: Network
  readonly ledger = new Ledger()
  readonly ids: readonly NodeId[]
  readonly answers: ClientAnswer[] = []
  readonly #options: SimulationOptions
  readonly #hosts = new Map<NodeId, Host>()
  readonly #lives = new Map<NodeId, number>()
  #asked = 0
  #events = 0
  #traceHash = 0x811c9dc5

  constructor(options: SimulationOptions) {
    this.#options = options
    this.network = new Network({
      delay: { minMs: 0.2, maxMs: 2 },
      ...options.network,
      random: this.stream('network'),
    })
    this.network.deliver(START_MS)
    this.ids = Array.from({ length: options.nodes }, (_, index) => `n${index + 1}` as NodeId)
    for (const id of this.ids) this.#start(id)
  }

  /** The world's time. */
  get nowMs(): number {
    return this.network.nowMs
  }

  /** Things that have happened: packets, ticks, turns, checks. */
  get events(): number {
    return this.#events
  }

  /** Equal for equal runs, different for different ones. */
  get traceHash(): string {
    return this.#traceHash.toString(16).padStart(8, '0')
  }

  /** Checks asked of live nodes. */
  get asked(): number {
    return this.#asked
  }

  /** Randomness for one concern, so that a change in one does not reshuffle all others. */
  stream(concern: string): Random {
    return seededRandom(hashText(`${this.#options.seed} ${concern}`))
  }

  host(id: NodeId): Host {
    const host = this.#hosts.get(id)
    if (host === undefined) throw new Error(`there is no node ${id}`)
    return host
  }

  get live(): readonly NodeId[] {
    return this.ids.filter((id) => this.host(id).alive)
  }

  /** Plans something for a time; at once if that has passed. */
  at(atMs: number, happen: () => void): void {
    this.network.plan(Math.max(0, atMs - this.nowMs), () => {
      this.#events += 1
      happen()
    })
  }

  schedule(faults: readonly Fault[]): void {
    for (const fault of faults) this.at(START_MS + fault.atMs, () => this.#strike(fault))
  }

  /** A client asks a node; nothing is asked of a node that is down. */
  ask(id: NodeId, request: CheckRequest): void {
    const host = this.host(id)
    if (!host.alive) return
    this.#asked += 1
    host.ask(request)
  }

  /** Lets everything happen until a time, counted from the start of the world. */
  runUntil(untilMs: number): void {
    this.network.deliver(START_MS + untilMs)
  }

  sent(from: NodeId, outbound: Outbound): void {
    this.ledger.sent(from, outbound, this.nowMs)
    const to = outbound.type === 'send' ? outbound.to : '*'
    this.#trace(`${from}>${to} ${outbound.message.type}`)
  }

  answered(node: NodeId, request: CheckRequest, answer: Answer, by: NodeId, askedMs: number): void {
    this.answers.push({ node, request, answer, askedMs, answeredMs: this.nowMs })
    this.#trace(`${node} ${request.key} ${answer.allowed} ${answer.decidedBy}`)
    if (!answer.allowed || by !== node) return
    const { rule, cost } = request
    this.ledger.decided({ atMs: this.nowMs, node, rule, key: this.#keyName(node, request), cost })
  }

  /** The first node's ring, for whoever wants to know an owner. */
  ownerOf(rule: string, key: string): NodeId {
    const [judge] = this.live
    const { limiter, replica } = this.host(judge as NodeId).node
    const hash = limiter.rule(rule)?.hash(key)
    const owner = hash && replica.membership.placement.owner(hash.hi)
    if (owner === undefined) throw new Error(`nobody owns ${key} of ${rule}`)
    return owner
  }

  #keyName(node: NodeId, { rule, key }: CheckRequest): string {
    const hash = this.host(node).node.limiter.rule(rule)?.hash(key)
    return hash === undefined ? key : keyName(hash.hi, hash.lo)
  }

  #start(id: NodeId): void {
    const options = this.#options
    const life = (this.#lives.get(id) ?? 0) + 1
    this.#lives.set(id, life)
    const random = this.stream(`node ${id} life ${life}`)
    const transport = this.network.transport(id)
    const clockOffsetMs = options.clockOffsetsMs?.[this.ids.indexOf(id)] ?? 0
    const nowMs = Math.floor(this.nowMs + clockOffsetMs)
    const node = new Node(
      {
        self: {
          id,
          name: id,
          incarnation: incarnationAt(nowMs, random.below(2 ** INCARNATION_RANDOM_BITS)),
          refutation: 0,
          state: 'joining',
          addresses: [memoryAddress(id)],
        },
        rules: options.rules,
        hashKey: { hi: 0x5eed, lo: 0xcafe },
        keysMax: options.keysMax ?? 1_024,
        gossipIntervalMs: options.gossipIntervalMs ?? 500,
        forwardTimeoutMs: options.forwardTimeoutMs ?? 150,
        joins: options.nodes > 1,
      },
      random,
      nowMs,
    )
    const plan = (afterMs: number, happen: () => void) => {
      this.network.plan(afterMs, () => {
        this.#events += 1
        happen()
      })
    }
    const worldMs = () => this.nowMs
    const host = { id, node, transport, random, plan, worldMs, observer: this }
    this.#hosts.set(id, new Host(host, clockOffsetMs))
    for (const other of this.ids) if (other !== id) transport.know(other, [memoryAddress(other)])
  }

  #strike(fault: Fault): void {
    this.#trace(fault.type)
    switch (fault.type) {
      case 'kill':
        this.#end(fault.node)
        break
      case 'power-off':
        this.network.silence(fault.node)
        this.host(fault.node).end()
        break
      case 'start':
        if (!this.host(fault.node).alive) this.#start(fault.node)
        break
      case 'leave':
        this.host(fault.node).leave()
        this.at(this.nowMs + fault.drainMs, () => this.#end(fault.node))
        break
      case 'pause':
        this.host(fault.node).pause(fault.forMs)
        break
      case 'split':
        this.#split(fault.sides)
        break
      case 'cut-one-way':
        this.network.cutOneWay(fault.from, fault.to)
        break
      case 'cut':
        this.network.cut(fault.a, fault.b)
        break
      case 'heal':
        this.network.healAll()
        break
      case 'clock-step':
        this.host(fault.node).clockOffsetMs += fault.byMs
        break
      default:
        fault satisfies never
    }
  }

  #end(id: NodeId): void {
    this.host(id).end()
    this.network.kill(id)
  }

  #split(sides: readonly (readonly NodeId[])[]): void {
    sides.forEach((side, index) => {
      for (const other of sides.slice(index + 1)) {
        for (const a of side) for (const b of other) this.network.cut(a, b)
      }
    })
  }

  /** FNV-1a over the story, with its times in microseconds. */
  #trace(line: string): void {
    const story = `${Math.round((this.nowMs - START_MS) * 1_000)} ${line}\n`
    let hash = this.#traceHash
    for (let at = 0; at < story.length; at++) {
      hash = Math.imul(hash ^ story.charCodeAt(at), 0x01000193)
    }
    this.#traceHash = hash >>> 0
  }
}

function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
