import type { NodeId } from '../../crdt/node-id.ts'
import { type Slicing, sliceAt } from '../../crdt/sliced-counter.ts'
import { type Experiment, READY_MS } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import { LOOK_MS, type Observer } from '../observer.ts'
import type { Watch } from '../oracle.ts'
import { type Simulation, START_MS } from '../simulation.ts'

/** A world is up to date with itself so long after its last trouble: views, links and counts. */
export const CALM_AFTER_MS = 6_000

/**
 * What is wrong with a world, as far as can be known from outside: faults that struck it, and what nodes
 * noticed of them. One for each world, however many oracles ask. Times are the world's.
 */
export class Troubles {
  static readonly #worlds = new WeakMap<Simulation, Troubles>()

  /** When everything is mended. */
  readonly mendedMs: number
  /** Clocks of nodes differ, or may after a restart. */
  readonly clocksDiffer: boolean
  /** Some nodes have other rules than the rest, for a while. */
  readonly rulesDiffer: boolean
  readonly #world: Simulation
  /** The last fault, its end, or something that nodes noticed. */
  #lastMs = Number.NEGATIVE_INFINITY
  /** The last fault or its end. */
  #struckMs = Number.NEGATIVE_INFINITY
  #cutMs = Number.NEGATIVE_INFINITY
  #mended = false
  /** Until when a node does not act as its clock says it should. */
  readonly #heldUpUntilMs = new Map<NodeId, number>()
  readonly #liars = new Map<NodeId, string>()
  readonly #left = new Set<NodeId>()
  /** Directions in which nothing arrives before a time, as `from>to`. */
  readonly #clogs = new Map<string, number>()
  readonly #slow = new Set<NodeId>()
  /** When each node lost links, by its own clock. */
  readonly #lostLinksMs = new Map<NodeId, number[]>()
  /** Directions in which nothing passes, as `from>to`. */
  readonly #cuts = new Set<string>()

  static of({ world, experiment }: Watch): Troubles {
    let troubles = Troubles.#worlds.get(world)
    if (troubles === undefined) {
      troubles = new Troubles(world, experiment)
      world.observe(troubles.#observer)
      Troubles.#worlds.set(world, troubles)
    }
    return troubles
  }

  private constructor(world: Simulation, experiment: Experiment) {
    this.#world = world
    this.mendedMs = START_MS + READY_MS + experiment.safetyMs
    const { clockOffsetsMs = [], faults } = experiment
    const drifts = 'clockDriftsPpm' in experiment
    this.clocksDiffer =
      drifts ||
      clockOffsetsMs.some((offset) => offset !== 0) ||
      faults.some(({ type }) => type.startsWith('clock'))
    this.rulesDiffer = faults.some((fault) => fault.type === 'start' && fault.rules !== undefined)
    if (!isWhole(world)) this.#lastMs = world.nowMs
  }

  /** The last trouble; minus infinity if there was none. */
  get lastMs(): number {
    return this.#lastMs
  }

  /** The last fault that struck or ended, whether or not anybody noticed. */
  get struckMs(): number {
    return this.#struckMs
  }

  /** When a cut, a heal, or a change of who lives last changed who can talk with whom. */
  get cutMs(): number {
    return this.#cutMs
  }

  /** Nothing was ever wrong, or it is long over. */
  get isCalm(): boolean {
    return this.#world.nowMs - this.#lastMs >= CALM_AFTER_MS && this.isOver
  }

  /** No fault lasts: everybody lives or has left in order, all paths are open, nobody lies or is held up. */
  get isOver(): boolean {
    if (this.#cuts.size + this.#clogs.size > 0) return false
    const { nowMs } = this.#world
    if (!this.#mended && this.#liars.size > 0) return false
    for (const untilMs of this.#heldUpUntilMs.values()) if (untilMs > nowMs) return false
    for (const id of this.#world.ids) {
      if (!this.#world.host(id).alive && !this.#left.has(id)) return false
    }
    return true
  }

  /** Whether the node lied at any time so far. */
  hasLied(node: NodeId): boolean {
    return this.#liars.has(node)
  }

  /** Whether the node was ever slow: what it says, it had decided some time before. */
  wasSlow(node: NodeId): boolean {
    return this.#slow.has(node)
  }

  /** Whether somebody claimed counts that are not true. */
  get hasInflated(): boolean {
    for (const lie of this.#liars.values()) if (lie === 'inflate') return true
    return false
  }

  hasLeft(node: NodeId): boolean {
    return this.#left.has(node)
  }

  /** Until when the node was, is or will be stopped or slow; minus infinity if it never was. */
  heldUpUntilMs(node: NodeId): number {
    return this.#heldUpUntilMs.get(node) ?? Number.NEGATIVE_INFINITY
  }

  /**
   * Whether the node lost a link in a slice, by its own clock. What it had decided for that peer in
   * the same turn it could tell nobody any more: it counts it, and no ledger ever will.
   */
  hasLostLink(node: NodeId, slicing: Slicing, slice: number): boolean {
    return this.#lostLinksMs.get(node)?.some((ms) => sliceAt(slicing, ms) === slice) === true
  }

  /** Whether the node ever lost a link. */
  hasLostLinks(node: NodeId): boolean {
    return this.#lostLinksMs.has(node)
  }

  /** Whether nothing passes from one node to the other. */
  isCut(from: NodeId, to: NodeId): boolean {
    if (this.#cuts.size + this.#clogs.size === 0) return false
    const path = `${from}>${to}`
    return this.#cuts.has(path) || this.#clogs.has(path)
  }

  /**
   * The live nodes, by who can reach whom in any direction and over any relays: two nodes of different
   * sides cannot hear each other in any way.
   */
  sides(): NodeId[][] {
    const sides: NodeId[][] = []
    const left = new Set(this.#world.live)
    for (const first of left) {
      left.delete(first)
      const side = [first]
      for (const member of side) {
        for (const other of left) {
          if (this.isCut(member, other) && this.isCut(other, member)) continue
          left.delete(other)
          side.push(other)
        }
      }
      sides.push(side)
    }
    return sides
  }

  get #observer(): Observer {
    return {
      struck: (fault) => this.#struck(fault),
      started: (node) => {
        this.#left.delete(node)
        for (const other of this.#world.ids) {
          this.#cuts.delete(`${node}>${other}`)
          this.#cuts.delete(`${other}>${node}`)
        }
        this.#changed()
      },
      event: (node, event) => {
        const { type } = event
        if (type === 'link' && !event.up) this.#lostLink(node)
        const isBad =
          (type === 'forwarded' && event.result !== 'answered') ||
          (type === 'link' && !event.up) ||
          (type === 'member' && event.state !== 'active') ||
          type === 'stand_in' ||
          type === 'ring' ||
          type === 'breaker' ||
          type === 'refuted'
        if (isBad) this.#lastMs = this.#world.nowMs
      },
      look: () => this.#look(),
    }
  }

  #look(): void {
    const { nowMs } = this.#world
    for (const untilMs of this.#heldUpUntilMs.values()) {
      if (untilMs > nowMs - LOOK_MS) this.#touch()
    }
    for (const id of this.#world.ids) {
      const host = this.#world.host(id)
      // A process that was slow has a backlog, and is busy for longer than the fault lasts.
      if (host.alive && host.isPaused) this.#holdUp(id, nowMs + LOOK_MS)
    }
    for (const [path, untilMs] of this.#clogs) {
      if (untilMs > nowMs) continue
      this.#clogs.delete(path)
      this.#changed()
    }
    if (this.#mended || nowMs < this.mendedMs) return
    this.#mended = true
    this.#cuts.clear()
    this.#changed()
  }

  #lostLink(node: NodeId): void {
    const times = this.#lostLinksMs.get(node) ?? []
    times.push(this.#world.host(node).nowMs)
    this.#lostLinksMs.set(node, times)
  }

  #touch(): void {
    this.#lastMs = this.#world.nowMs
    this.#struckMs = this.#world.nowMs
  }

  #changed(): void {
    this.#cutMs = this.#world.nowMs
    this.#touch()
  }

  #holdUp(node: NodeId, untilMs: number): void {
    this.#heldUpUntilMs.set(node, Math.max(untilMs, this.heldUpUntilMs(node)))
    this.#touch()
  }

  #struck(fault: Fault): void {
    // No decision waits for a disk, and what it loses is not missed before the next start.
    // Nor does it matter that rules are read again which are the same.
    if (['disk-hang', 'disk-loss', 'reload'].includes(fault.type)) return
    this.#touch()
    switch (fault.type) {
      case 'kill':
      case 'power-off':
      case 'start':
        this.#changed()
        break
      case 'leave':
        if (this.#world.host(fault.node).alive) this.#left.add(fault.node)
        this.#changed()
        break
      case 'pause':
        this.#holdUp(fault.node, this.#world.nowMs + fault.forMs)
        break
      case 'slow':
        this.#slow.add(fault.node)
        this.#holdUp(fault.node, this.#world.nowMs + fault.forMs)
        break
      case 'clog':
        this.#clogs.set(`${fault.from}>${fault.to}`, this.#world.nowMs + fault.forMs)
        this.#changed()
        break
      case 'split':
        for (const [index, side] of fault.sides.entries()) {
          for (const other of fault.sides.slice(index + 1)) this.#cutAll(side, other)
        }
        break
      case 'cut':
        this.#cutAll([fault.a], [fault.b])
        break
      case 'cut-one-way':
        this.#cuts.add(`${fault.from}>${fault.to}`)
        this.#changed()
        break
      case 'heal':
        this.#cuts.clear()
        this.#changed()
        break
      case 'lie':
        this.#liars.set(fault.node, fault.lie)
        break
      default:
        this.#changed()
    }
  }

  #cutAll(side: readonly NodeId[], other: readonly NodeId[]): void {
    for (const a of side) {
      for (const b of other) {
        this.#cuts.add(`${a}>${b}`)
        this.#cuts.add(`${b}>${a}`)
      }
    }
    this.#changed()
  }
}

/** Lost gossip may have made a node suspect another just before anybody watched: its first checks weigh more. */
function isWhole(world: Simulation): boolean {
  return world.live.every((id) => {
    const { node, nowMs } = world.host(id)
    return node.replica.reaching.isWhole(nowMs)
  })
}
