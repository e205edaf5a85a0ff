import type { CopiesWanted } from '../cluster/copies.ts'
import type { ClusterEvent } from '../cluster/event.ts'
import type { Message } from '../cluster/message.ts'
import type { Outbound } from '../cluster/outbox.ts'
import { type Random, seededRandom } from '../cluster/random.ts'
import { INCARNATION_RANDOM_BITS, incarnationAt, type NodeId } from '../crdt/node-id.ts'
import type { Answer, CheckRequest, Rejection } from '../src/limiter/check.ts'
import { hashHex, type KeyHash, type KeyHasher, ruleHasher } from '../src/limiter/key-hash.ts'
import type { Rule } from '../src/limiter/policy.ts'
import { Node } from '../src/node.ts'
import { WallClock } from './clock.ts'
import { Disk } from './disk.ts'
import type { Fault } from './fault.ts'
import { Host, type HostObserver } from './host.ts'
import { Inbox } from './inbox.ts'
import { type Deed, isAdmission, Ledger } from './ledger.ts'
import { memoryAddress, Network, type NetworkOptions } from './network.ts'
import { type Asked, type ClientAnswer, type Errand, LOOK_MS, type Observer } from './observer.ts'
import type { Recalled } from './snapshots.ts'
import { strike, type World } from './strike.ts'
import { hashText, Trace } from './trace.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly nodes: number
  readonly rules: readonly Rule[]
  readonly network?: Partial<Omit<NetworkOptions, 'random'>>
  readonly keysMax?: number
  /** Whether `answers` collects what clients saw; default true. */
  readonly keepsAnswers?: boolean
  readonly gossipIntervalMs?: number
  readonly forwardTimeoutMs?: number
  /** How many nodes hold each key; default as in production. */
  readonly copies?: CopiesWanted
  /** Each node's clock minus the world's, in milliseconds; by default all are right. */
  readonly clockOffsetsMs?: readonly number[]
  /** By how many parts in a million each node's clock is too fast. */
  readonly clockDriftsPpm?: readonly number[]
}

const CHECK: Errand = {}

/** When every simulated world begins: some moment in 2023. */
export const START_MS = 1_700_000_000_000

/**
 * A whole cluster on one thread, in virtual time. Production nodes, wired by a network that is as late and
 * as unreliable as it is told to be; faults as a list; everything drawn from one seed. Equal options give
 * an equal run, which the trace hash shows.
 */
export class Simulation implements HostObserver, World {
  readonly network: Network
  readonly ledger: Ledger
  readonly ids: readonly NodeId[]
  readonly answers: ClientAnswer[] = []
  readonly #options: SimulationOptions
  readonly #hashKey: KeyHash
  readonly #hashers = new Map<string, KeyHasher>()
  readonly #hosts = new Map<NodeId, Host>()
  readonly #clocks = new Map<NodeId, WallClock>()
  readonly #disks = new Map<NodeId, Disk>()
  readonly #addresses = new Map<NodeId, readonly string[]>()
  readonly #inbox = new Inbox()
  readonly #lives = new Map<NodeId, number>()
  readonly #left = new Set<NodeId>()
  readonly #observers: Observer[] = []
  readonly #trace = new Trace()
  #asked = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#hashKey = hashKeyOf(options.seed)
    this.ledger = new Ledger((deed) => this.#done(deed))
    this.network = new Network({
      delay: { minMs: 0.2, maxMs: 2 },
      ...options.network,
      random: this.stream('network'),
    })
    this.network.deliver(START_MS)
    this.ids = Array.from({ length: options.nodes }, (_, index) => nodeName(index))
    for (const id of this.ids) this.#start(id)
    this.#lookAgain()
  }

  /** The world's time. */
  get nowMs(): number {
    return this.network.nowMs
  }

  /** Things that have happened: packets, ticks, turns, checks. */
  get events(): number {
    return this.network.events + this.#asked
  }

  /** Equal for equal runs, different for different ones. */
  get traceHash(): string {
    return this.#trace.hash
  }

  /** Checks asked of live nodes. */
  get asked(): number {
    return this.#asked
  }

  /** Randomness for one concern, so that a change in one does not reshuffle all others. */
  stream(concern: string): Random {
    return streamOf(this.#options.seed, concern)
  }

  /** From now on. */
  observe(observer: Observer): void {
    this.#observers.push(observer)
  }

  host(id: NodeId): Host {
    const host = this.#hosts.get(id)
    if (host === undefined) throw new Error(`there is no node ${id}`)
    return host
  }

  get live(): readonly NodeId[] {
    return this.ids.filter((id) => this.host(id).alive)
  }

  /** How many lives a node has had, the present one included. */
  lifeOf(id: NodeId): number {
    return this.#lives.get(id) ?? 0
  }

  /** Plans something for a time; at once if that has passed. */
  at(atMs: number, happen: () => void): void {
    this.network.plan(Math.max(0, atMs - this.nowMs), happen)
  }

  /** The times of these faults count from `sinceMs`, which counts from the start of the world. */
  schedule(faults: readonly Fault[], sinceMs = 0): void {
    for (const fault of faults) {
      this.at(START_MS + sinceMs + fault.atMs, () => this.#strike(fault))
    }
  }

  /** A client asks a node. Returns the check's id, or undefined if the node is down and nothing was asked. */
  ask(id: NodeId, request: CheckRequest, errand: Errand = CHECK): number | undefined {
    const host = this.host(id)
    if (!host.alive) return undefined
    this.#asked += 1
    const check: Asked = { ...errand, id: this.#asked, node: id, request, askedMs: this.nowMs }
    for (const observer of this.#observers) observer.asked?.(check)
    host.ask(check)
    return check.id
  }

  /** Lets everything happen until a time, counted from the start of the world. */
  runUntil(untilMs: number): void {
    this.network.deliver(START_MS + untilMs)
  }

  sent(from: NodeId, outbound: Outbound, frameBytes: number): void {
    this.#note(from, outbound.message.type)
    this.#trace.word(frameBytes)
    if (outbound.type === 'send') this.#trace.name(outbound.to)
    for (const observer of this.#observers) observer.sent?.(from, outbound, frameBytes)
    this.ledger.sent(from, outbound, this.nowMs)
  }

  answered(check: Asked, answer: Answer | Rejection, by: NodeId): void {
    const { node, request, action = 'check', hash } = check
    const seen: ClientAnswer = { ...check, answer, by, answeredMs: this.nowMs }
    if (this.#options.keepsAnswers !== false) this.answers.push(seen)
    this.#note(node, answer.type === 'answer' ? answer.reason : answer.code)
    this.#trace.word(check.id)
    if (answer.type === 'answer' && answer.allowed) {
      const { rule, cost } = request
      const key = hash === undefined ? this.keyName(rule, request.key) : hashHex(hash)
      const isLeased = answer.decidedBy === 'lease'
      const lease = isLeased ? ({ type: 'spent' } as const) : undefined
      const deed: Deed = { atMs: this.nowMs, node, rule, key, cost, action, lease }
      if (by === node) this.ledger.decided(deed)
      else this.ledger.toldOwnClient(deed)
    }
    for (const observer of this.#observers) observer.answered?.(seen)
  }

  malformed(node: NodeId, from: NodeId): void {
    this.#note(node, 'malformed')
    for (const observer of this.#observers) observer.malformed?.(node, from)
  }

  recalled(node: NodeId, outcome: Recalled): void {
    this.#note(node, outcome)
    for (const observer of this.#observers) observer.recalled?.(node, outcome)
  }

  received(node: NodeId, from: NodeId, message: Message): void {
    this.ledger.received(node, from, message)
  }

  happened(node: NodeId, event: ClusterEvent): void {
    this.ledger.happened(node, event)
    for (const observer of this.#observers) observer.event?.(node, event)
  }

  /** The first live node's ring, for whoever wants to know an owner. */
  ownerOf(rule: string, key: string): NodeId {
    const [judge] = this.live
    const { replica } = this.host(judge as NodeId).node
    const owner = replica.membership.placement.owner(this.hashOf(rule, key).hi)
    if (owner === undefined) throw new Error(`nobody owns ${key} of ${rule}`)
    return owner
  }

  hashOf(rule: string, key: string): KeyHash {
    let hasher = this.#hashers.get(rule)
    if (hasher === undefined) {
      hasher = ruleHasher(this.#hashKey, rule)
      this.#hashers.set(rule, hasher)
    }
    return hasher.hash(key)
  }

  /** What nodes know of a key. */
  keyName(rule: string, key: string): string {
    return hashHex(this.hashOf(rule, key))
  }

  /** A client has let the time go by in which it could settle what it reserved. */
  lapsed(reserved: ClientAnswer): void {
    for (const observer of this.#observers) observer.lapsed?.(reserved)
  }

  #done(deed: Deed): void {
    if (deed.lease?.type === 'granted') {
      for (const observer of this.#observers) observer.granted?.(deed)
    } else if (isAdmission(deed)) for (const observer of this.#observers) observer.admitted?.(deed)
    else for (const observer of this.#observers) observer.adjusted?.(deed)
  }

  #lookAgain(): void {
    this.network.plan(LOOK_MS, () => {
      for (const observer of this.#observers) observer.look?.()
      this.#lookAgain()
    })
  }

  #start(id: NodeId, rules = this.#options.rules): void {
    const options = this.#options
    const life = this.lifeOf(id) + 1
    this.#lives.set(id, life)
    this.ledger.started(id)
    const random = this.stream(`node ${id} life ${life}`)
    const transport = this.network.transport(id)
    const clock = this.#clockOf(id).anchored(this.nowMs)
    const nowMs = clock(this.nowMs)
    const node = new Node(
      {
        self: {
          id,
          name: id,
          incarnation: incarnationAt(nowMs, random.below(2 ** INCARNATION_RANDOM_BITS)),
          refutation: 0,
          state: 'joining',
          addresses: this.#addressesOf(id),
        },
        rules,
        hashKey: this.#hashKey,
        keysMax: options.keysMax ?? 1_024,
        gossipIntervalMs: options.gossipIntervalMs ?? 500,
        forwardTimeoutMs: options.forwardTimeoutMs ?? 150,
        joins: options.nodes > 1,
        copies: options.copies,
      },
      random,
      nowMs,
    )
    const plan = (afterMs: number, happen: () => void) => this.network.plan(afterMs, happen)
    const worldMs = () => this.nowMs
    const inbox = this.#inbox
    const disk = this.disk(id)
    const host = { id, node, transport, random, plan, worldMs, clock, inbox, disk, observer: this }
    this.#hosts.set(id, new Host(host))
    for (const other of this.ids) if (other !== id) transport.know(other, this.#addressesOf(other))
    for (const observer of this.#observers) observer.started?.(id, life)
  }

  #strike(fault: Fault): void {
    this.#trace.time(this.nowMs)
    this.#trace.name(fault.type)
    for (const observer of this.#observers) observer.struck?.(fault)
    strike(this, fault)
  }

  /** The process is gone at once: its links are reset, and whoever dials it is refused. */
  kill(id: NodeId): void {
    this.host(id).end()
    this.network.kill(id)
  }

  /**
   * Everything is mended: cuts heal, nobody lies or sleeps any more, and whoever went down is started. Nodes that
   * left in order stay away.
   */
  mend(): void {
    this.network.healAll()
    for (const id of this.ids) {
      const host = this.host(id)
      host.lie = undefined
      host.relieve()
      if (!host.alive && !this.#left.has(id)) this.revive(id)
    }
  }

  /** A new life of a node that is down, without memory of the last one. */
  revive(id: NodeId, rules?: readonly Rule[]): void {
    if (this.host(id).alive) return
    // A host that lost its power comes back with its network; its peers' links were left hanging.
    this.network.kill(id)
    this.network.unsilence(id)
    this.#left.delete(id)
    this.#start(id, rules)
  }

  /** The node is asked to go. One that is down already has nothing to leave. */
  leave(id: NodeId, drainMs: number): void {
    const host = this.host(id)
    if (!host.alive) return
    this.#left.add(id)
    host.leave()
    this.at(this.nowMs + drainMs, () => {
      if (!host.alive) return
      host.saveLast()
      this.kill(id)
    })
  }

  disk(id: NodeId): Disk {
    let disk = this.#disks.get(id)
    if (disk === undefined) {
      disk = new Disk()
      this.#disks.set(id, disk)
    }
    return disk
  }

  reload(id: NodeId): void {
    const host = this.host(id)
    if (host.alive) host.node.changeRules(this.#options.rules, host.nowMs)
  }

  stepClock(id: NodeId, byMs: number): void {
    this.#clockOf(id).step(byMs)
  }

  #clockOf(id: NodeId): WallClock {
    let clock = this.#clocks.get(id)
    if (clock === undefined) {
      const { clockOffsetsMs, clockDriftsPpm } = this.#options
      const index = this.ids.indexOf(id)
      clock = new WallClock(START_MS, clockOffsetsMs?.[index], clockDriftsPpm?.[index])
      this.#clocks.set(id, clock)
    }
    return clock
  }

  /** One list for all who know the node: a thousand nodes have a million acquaintances. */
  #addressesOf(id: NodeId): readonly string[] {
    let addresses = this.#addresses.get(id)
    if (addresses === undefined) {
      addresses = [memoryAddress(id)]
      this.#addresses.set(id, addresses)
    }
    return addresses
  }

  #note(node: NodeId, what: string): void {
    this.#trace.time(this.nowMs - START_MS)
    this.#trace.name(node)
    this.#trace.name(what)
  }
}

/** The names of a world's nodes: `n1`, `n2`, … */
export function nodeName(index: number): NodeId {
  return `n${index + 1}` as NodeId
}

/** Where keys fall is the seed's choice, too. */
export function hashKeyOf(seed: number): KeyHash {
  const secret = streamOf(seed, 'hash key')
  return { hi: secret.below(2 ** 31), lo: secret.below(2 ** 31) }
}

/** One seed's randomness for one concern. */
export function streamOf(seed: number, concern: string): Random {
  return seededRandom(hashText(`${seed} ${concern}`))
}
