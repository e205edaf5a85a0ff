import type { KeyRef } from '../../crdt/counts.ts'
import type { Actor, NodeId } from '../../crdt/node-id.ts'
import { type Slicing, sliceAt } from '../../crdt/sliced-counter.ts'
import type { KeyHash } from '../../src/limiter/key-hash.ts'
import type { LimitPolicy, Rule } from '../../src/limiter/policy.ts'
import { type Deed, isAdmission, keyName } from '../ledger.ts'
import type { Watch } from '../oracle.ts'
import type { Simulation } from '../simulation.ts'
import { type Meter, meterOf } from './meter.ts'

/** What one life of one node truly took of one key, in the order in which it did: admissions and penalties. */
export interface TrueActor extends Actor {
  /** When, by the node's own clock, in milliseconds. */
  readonly timesMs: number[]
  /** Tokens. */
  readonly costs: number[]
  /** Which of these are penalties. */
  readonly penalties: Set<number>
  /** Tokens that it was asked to give back. */
  givenBack: number
}

/** What truly happened to one key, by the ledger of what nodes said. */
export class TrueKey {
  readonly rule: string
  /** The hash in hex: what nodes know of the key. */
  readonly name: string
  readonly hash: KeyHash
  readonly policies: readonly LimitPolicy[]
  /** For each limit an ideal meter of all admissions, on a clock of whole milliseconds as nodes have. */
  readonly meters: readonly Meter[]
  readonly actors: TrueActor[] = []
  readonly #givenBack: { readonly atMs: number; readonly cost: number }[] = []

  constructor(rule: string, name: string, policies: readonly LimitPolicy[]) {
    this.rule = rule
    this.name = name
    this.policies = policies
    this.meters = policies.map((policy) => meterOf(policy))
    this.hash = {
      hi: Number.parseInt(name.slice(0, 8), 16),
      lo: Number.parseInt(name.slice(8), 16),
    }
  }

  get isGivenBack(): boolean {
    return this.#givenBack.length > 0
  }

  /** Tokens that were given back since a time of the world's. */
  givenBackSince(fromMs: number): number {
    let tokens = 0
    for (let at = this.#givenBack.length - 1; at >= 0; at--) {
      const { atMs, cost } = this.#givenBack[at] as { atMs: number; cost: number }
      if (atMs < fromMs) break
      tokens += cost
    }
    return tokens
  }

  /** Something was done to the key, by this actor at that time of its own. */
  happened(deed: Deed, self: Actor, ownMs: number): void {
    const { atMs, cost } = deed
    const wholeMs = Math.floor(atMs)
    if (deed.lease?.type === 'spent') {
      // It is in the counts of whoever granted the lease.
      for (const meter of this.meters) meter.pass(wholeMs, cost)
      return
    }
    const actor = this.actor(self) ?? this.#add(self)
    if (deed.action === 'refund') {
      for (const meter of this.meters) meter.giveBack(wholeMs, cost)
      this.#givenBack.push({ atMs, cost })
      actor.givenBack += cost
      return
    }
    const isGranted = deed.lease?.type === 'granted'
    const isOwed = !isGranted && !isAdmission(deed)
    for (const meter of isGranted ? [] : this.meters) {
      if (isOwed) meter.owe(wholeMs, cost)
      else meter.pass(wholeMs, cost)
    }
    if (isOwed) actor.penalties.add(actor.costs.length)
    actor.timesMs.push(ownMs)
    actor.costs.push(cost)
  }

  #add({ node, incarnation }: Actor): TrueActor {
    const actor: TrueActor = {
      node,
      incarnation,
      timesMs: [],
      costs: [],
      penalties: new Set(),
      givenBack: 0,
    }
    this.actors.push(actor)
    return actor
  }

  /** Undefined for an actor that never did anything to this key. */
  actor({ node, incarnation }: Actor): TrueActor | undefined {
    for (let at = this.actors.length - 1; at >= 0; at--) {
      const actor = this.actors[at] as TrueActor
      if (actor.node === node && actor.incarnation === incarnation) return actor
    }
    return undefined
  }
}

/**
 * The truth about all keys of a world, for oracles to compare nodes with. One for each world, however many
 * oracles ask; it is told of an admission before they are.
 */
export class Truth {
  static readonly #worlds = new WeakMap<Simulation, Truth>()

  /** Of rules that clients name, in the order in which they were first admitted. */
  readonly keys: TrueKey[] = []
  readonly #world: Simulation
  readonly #rules = new Map<string, Rule>()
  readonly #byName = new Map<string, Map<string, TrueKey>>()
  readonly #byText = new Map<string, Map<string, TrueKey>>()

  static of({ world, experiment }: Watch): Truth {
    let truth = Truth.#worlds.get(world)
    if (truth === undefined) {
      truth = new Truth(world)
      for (const rule of experiment.rules) truth.#rules.set(rule.name, rule)
      const happened = (deed: Deed) => (truth as Truth).#happened(deed)
      world.observe({ admitted: happened, granted: happened, adjusted: happened })
      Truth.#worlds.set(world, truth)
    }
    return truth
  }

  private constructor(world: Simulation) {
    this.#world = world
  }

  /** By a client's name of the key; undefined while nothing of it was admitted. */
  ofText(rule: string, text: string): TrueKey | undefined {
    const known = this.#byText.get(rule)?.get(text)
    if (known !== undefined) return known
    const key = this.ofName(rule, this.#world.keyName(rule, text))
    if (key === undefined) return undefined
    const keys = this.#byText.get(rule) ?? new Map<string, TrueKey>()
    this.#byText.set(rule, keys.set(text, key))
    return key
  }

  ofName(rule: string, name: string): TrueKey | undefined {
    return this.#byName.get(rule)?.get(name)
  }

  ofHash({ rule, hashHi, hashLo }: KeyRef): TrueKey | undefined {
    return this.ofName(rule, keyName(hashHi, hashLo))
  }

  #happened(deed: Deed): void {
    const { rule, key: name, node } = deed
    const key = this.ofName(rule, name) ?? this.#add(rule, name)
    const host = this.#world.host(node)
    const { incarnation } = host.node.replica.membership.self
    key.happened(deed, { node, incarnation }, host.nowMs)
  }

  #add(ruleName: string, name: string): TrueKey {
    const rule = this.#rules.get(ruleName)
    const key = new TrueKey(ruleName, name, rule?.limits ?? [])
    const names = this.#byName.get(ruleName) ?? new Map<string, TrueKey>()
    this.#byName.set(ruleName, names.set(name, key))
    if (rule?.isInternal !== true) this.keys.push(key)
    return key
  }
}

/** Tokens an actor took in each slice from `from` to `to`. Its clock never goes back in one life. */
export function takenInSlices(
  actor: TrueActor,
  slicing: Slicing,
  from: number,
  to: number,
  isMeant: (index: number) => boolean = () => true,
): number[] {
  const tokens = new Array<number>(Math.max(0, to - from + 1)).fill(0)
  for (let at = actor.timesMs.length - 1; at >= 0; at--) {
    const slice = sliceAt(slicing, actor.timesMs[at] as number)
    if (slice < from) break
    if (slice <= to && isMeant(at))
      tokens[slice - from] = (tokens[slice - from] as number) + (actor.costs[at] as number)
  }
  return tokens
}

/** The penalties among these: what of them no honest count could say is not counted. */
export function owedInSlices(
  actor: TrueActor,
  slicing: Slicing,
  from: number,
  to: number,
): number[] {
  return takenInSlices(actor, slicing, from, to, (index) => actor.penalties.has(index))
}

/** A node's present life. */
export function actorOf(world: Simulation, node: NodeId): Actor {
  return { node, incarnation: world.host(node).node.replica.membership.self.incarnation }
}
