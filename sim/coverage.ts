import type { ClusterEvent } from '../cluster/event.ts'
import type { NodeId } from '../crdt/node-id.ts'
import type { LimitPolicy, Rule } from '../src/limiter/policy.ts'
import { SETTLED_RULE } from '../src/limiter/settlement.ts'
import { drains, type Meter, meterOf } from './checkers/meter.ts'
import type { Deed } from './ledger.ts'
import type { ClientAnswer, Observer } from './observer.ts'
import type { Simulation } from './simulation.ts'

/**
 * The states that a set of runs should have been through: a state that was never reached proves nothing
 * about the code for it.
 */
export const SITUATIONS = [
  'admitted',
  'refused',
  /** A refusal came from the origin's memory. */
  'cached refusal',
  /** A check was let through out of a lease. */
  'lease spent',
  /** Somebody else than the owner decided. */
  'failover',
  /** A check was asked of another node because the first gave no answer in time. */
  'forward timeout',
  'link lost',
  'late answer',
  'breaker open',
  /** A side enforced its share of a limit. */
  'share mode',
  /** Somebody was out of reach of a node that had agreed on weights by demand. */
  'weighed by demand',
  /** A side without a majority refused everything. */
  'closed side',
  /** A key's level was above its burst: more had been admitted than one bucket allows. */
  'debt',
  /** Counts arrived after their slice had fallen off. */
  'late merge',
  /** Two nodes admitted the same key within one gossip interval. */
  'two deciders',
  /** Nodes disagreed about who is in the ring. */
  'two views',
  /** Anti-entropy found something that gossip had lost. */
  'repair',
  'suspicion',
  'refutation',
  'death',
  'restart',
  'leave',
  /** A life began with what an earlier one had written down. */
  'snapshot read',
  'snapshot refused',
  'malformed frame',
  /** A window was over, and a new one began. */
  'window rolled over',
  /** Somebody else than the owner gave tokens back. */
  'refund by a stand-in',
  'penalty',
  'settled',
  /** Another node settled than had reserved. */
  'settled after an owner change',
  /** A reservation was settled that had been settled before, and nothing was done. */
  'settled again',
  'reservation lapsed',
] as const
export type Situation = (typeof SITUATIONS)[number]

/** How often each was seen. */
export type Situations = Readonly<Record<Situation, number>>

/** Adds up what several runs went through. */
export function addSituations(all: readonly Situations[]): Situations {
  const entries = SITUATIONS.map((situation) => {
    return [situation, all.reduce((sum, one) => sum + one[situation], 0)] as const
  })
  return Object.fromEntries(entries) as Record<Situation, number>
}

/** Counts the situations of one run. */
export class Coverage {
  readonly #world: Simulation
  readonly #seen = new Map<Situation, number>()
  /** Who admitted a key last, and when. */
  readonly #deciders = new Map<string, { readonly node: NodeId; readonly atMs: number }>()
  readonly #limits = new Map<string, LimitPolicy>()
  readonly #meters = new Map<string, Meter>()

  constructor(world: Simulation, rules: readonly Rule[]) {
    this.#world = world
    for (const { name, limits } of rules) this.#limits.set(name, limits[0] as LimitPolicy)
  }

  get situations(): Situations {
    const entries = SITUATIONS.map((situation) => [situation, this.#seen.get(situation) ?? 0])
    return Object.fromEntries(entries) as Record<Situation, number>
  }

  get observer(): Observer {
    return {
      answered: (seen) => this.#answered(seen),
      event: (_, event) => this.#event(event),
      malformed: () => this.#saw('malformed frame'),
      recalled: (_, outcome) =>
        this.#saw(outcome === 'read' ? 'snapshot read' : 'snapshot refused'),
      admitted: (admission) => this.#admitted(admission),
      adjusted: (deed) => this.#adjusted(deed),
      lapsed: () => this.#saw('reservation lapsed'),
      started: (_, life) => {
        if (life > 1) this.#saw('restart')
      },
      look: () => this.#look(),
    }
  }

  #saw(situation: Situation): void {
    this.#seen.set(situation, (this.#seen.get(situation) ?? 0) + 1)
  }

  #admitted({ rule, key, node, atMs, cost, lease }: Deed): void {
    const last = this.#deciders.get(key)
    if (lease === undefined) {
      if (last !== undefined && last.node !== node && atMs - last.atMs < INTERVAL_MS) {
        this.#saw('two deciders')
      }
      this.#deciders.set(key, { node, atMs })
    }
    const policy = this.#limits.get(rule)
    if (policy === undefined) return
    const meter = this.#meters.get(key) ?? meterOf(policy)
    this.#meters.set(key, meter)
    const isOver = last !== undefined && !drains(policy) && meter.levelAt(atMs) === 0
    if (isOver) this.#saw('window rolled over')
    if (meter.pass(atMs, cost) > policy.burst + 1) this.#saw('debt')
  }

  #adjusted({ key, action, atMs, cost }: Deed): void {
    if (action === 'refund') this.#meters.get(key)?.giveBack(atMs, cost)
    else this.#saw('penalty')
  }

  #corrected({ request, action, answer, by, corrects }: ClientAnswer): void {
    if (answer.type !== 'answer') return
    if (action === 'refund' && answer.decidedBy !== 'owner') this.#saw('refund by a stand-in')
    if (request.rule !== SETTLED_RULE.name) return
    if (!answer.allowed) this.#saw('settled again')
    else this.#saw(by === corrects?.by ? 'settled' : 'settled after an owner change')
  }

  #answered(seen: ClientAnswer): void {
    const { answer } = seen
    if (seen.corrects !== undefined) {
      this.#corrected(seen)
      return
    }
    if (answer.type !== 'answer') return
    this.#saw(answer.allowed ? 'admitted' : 'refused')
    if (answer.decidedBy === 'lease') this.#saw('lease spent')
    if (answer.decidedBy === 'cache') this.#saw('cached refusal')
    if (answer.decidedBy === 'replica' || answer.decidedBy === 'local') this.#saw('failover')
    if (answer.reason === 'partition_share') this.#saw('share mode')
    if (answer.reason === 'partition_closed') this.#saw('closed side')
  }

  #event(event: ClusterEvent): void {
    switch (event.type) {
      case 'merged':
        if (event.result.expired > 0) this.#saw('late merge')
        break
      case 'forwarded':
        if (event.result === 'timeout') this.#saw('forward timeout')
        if (event.result === 'late') this.#saw('late answer')
        break
      case 'link':
        if (!event.up) this.#saw('link lost')
        break
      case 'breaker':
        if (event.open) this.#saw('breaker open')
        break
      case 'repaired':
        if (event.counts > 0) this.#saw('repair')
        break
      case 'refuted':
        this.#saw('refutation')
        break
      case 'member':
        if (event.state === 'suspect') this.#saw('suspicion')
        if (event.state === 'dead') this.#saw('death')
        if (event.state === 'left') this.#saw('leave')
        break
      default:
    }
  }

  #look(): void {
    const views = new Set<number>()
    for (const id of this.#world.live) {
      const { node, nowMs } = this.#world.host(id)
      const { membership, reaching, weighing } = node.replica
      views.add(membership.placement.view)
      const hasAgreed = weighing.held.some(({ version }) => version > 0)
      if (hasAgreed && !reaching.isWhole(nowMs)) this.#saw('weighed by demand')
    }
    if (views.size > 1) this.#saw('two views')
  }
}

/** Within it, two deciders may not know of each other. */
const INTERVAL_MS = 500
