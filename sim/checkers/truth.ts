import type { KeyRef } from '../../crdt/counts.ts'
import type { Actor, NodeId } from '../../crdt/node-id.ts'
import type { KeyHash } from '../../src/limiter/key-hash.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { type Admission, keyName } from '../ledger.ts'
import type { Watch } from '../oracle.ts'
import type { Simulation } from '../simulation.ts'
import { type Meter, meterOf } from './meter.ts'

/** What one life of one node truly admitted of one key, in the order in which it did. */
export interface TrueActor extends Actor {
  /** When, by the node's own clock, in milliseconds. */
  readonly timesMs: number[]
  /** Tokens. */
  readonly costs: number[]
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
  lastAdmittedMs = 0

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

  /** Undefined for an actor that never admitted anything of this key. */
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

  /** In the order in which they were first admitted. */
  readonly keys: TrueKey[] = []
  readonly #world: Simulation
  readonly #policies = new Map<string, readonly LimitPolicy[]>()
  readonly #byName = new Map<string, Map<string, TrueKey>>()
  readonly #byText = new Map<string, Map<string, TrueKey>>()

  static of({ world, experiment }: Watch): Truth {
    let truth = Truth.#worlds.get(world)
    if (truth === undefined) {
      truth = new Truth(world)
      for (const { name, limits } of experiment.rules) truth.#policies.set(name, limits)
      const { keys } = truth
      world.observe({ admitted: (admission) => (truth as Truth).#admitted(admission, keys) })
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

  #admitted({ rule, key: name, node, atMs, cost }: Admission, keys: TrueKey[]): void {
    const key = this.ofName(rule, name) ?? this.#add(rule, name, keys)
    for (const meter of key.meters) meter.pass(Math.floor(atMs), cost)
    key.lastAdmittedMs = atMs
    const host = this.#world.host(node)
    const { incarnation } = host.node.replica.membership.self
    let actor = key.actor({ node, incarnation })
    if (actor === undefined) {
      actor = { node, incarnation, timesMs: [], costs: [] }
      key.actors.push(actor)
    }
    actor.timesMs.push(host.nowMs)
    actor.costs.push(cost)
  }

  #add(rule: string, name: string, keys: TrueKey[]): TrueKey {
    const key = new TrueKey(rule, name, this.#policies.get(rule) ?? [])
    const names = this.#byName.get(rule) ?? new Map<string, TrueKey>()
    this.#byName.set(rule, names.set(name, key))
    keys.push(key)
    return key
  }
}

/** Tokens an actor admitted in each slice from `from` to `to`. Its clock never goes back in one life. */
export function admittedInSlices(
  actor: TrueActor,
  sliceMs: number,
  from: number,
  to: number,
): number[] {
  const tokens = new Array<number>(Math.max(0, to - from + 1)).fill(0)
  for (let at = actor.timesMs.length - 1; at >= 0; at--) {
    const slice = Math.floor((actor.timesMs[at] as number) / sliceMs)
    if (slice < from) break
    if (slice <= to)
      tokens[slice - from] = (tokens[slice - from] as number) + (actor.costs[at] as number)
  }
  return tokens
}

/** A node's present life. */
export function actorOf(world: Simulation, node: NodeId): Actor {
  return { node, incarnation: world.host(node).node.replica.membership.self.incarnation }
}
