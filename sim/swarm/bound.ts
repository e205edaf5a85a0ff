import { GOSSIP_INTERVAL_MS, GOSSIP_JITTER, TICK_MS } from '../../cluster/limits.ts'
import { overshootBound } from '../../cluster/partition-policy.ts'
import { Placement } from '../../cluster/placement.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { LimitPolicy, Rule } from '../../src/limiter/policy.ts'
import { drains, opensOnUse, slides } from '../checkers/meter.ts'
import { type Experiment, nodesOf } from '../experiment.ts'
import type { RepeatingCalendar } from '../repeating-calendar.ts'
import { Demand } from './demand.ts'
import { overlaps, type Spell, spellsOf } from './spells.ts'

/** Tokens that a key may be exceeded by under one limit of its rule. `key` is its hash in hex. */
export type BoundOf = (rule: string, key: string, limit: number) => number

/**
 * A bound on the overshoot of any key in any experiment, from its faults alone. With R and B of the limit, Δ until
 * an admission is known to everybody, T for how long a fault lasts, and c = R·(what clocks differ by), at most B,
 * for each change of the decider; and D what clients can ask for in a time of Δ before:
 *
 *     O ≤ Σ over faults that can touch the key of
 *         kill, power-off, ambush    min(B, D) + c        what its decider had told nobody, which is never known
 *         start, leave               B + R·Δ + c          two deciders until the others have heard
 *         pause, cut, clog           B + R·Δ + 2c         the same, there and back; one-way cuts too
 *         slow                       B + R·(Δ + T) + 2c   whatever it says or hears may be late by T
 *         split                      what docs/guarantees.md says of its policy and T, + B + R·Δ + 2c on healing
 *         a node nobody understands  as a split of one node from the others
 *         start out of reach         B + R·T more: it finds nobody, and goes on alone with the whole limit
 *       + (N - 1)(B + R·Δ) in a network so slow at times that checks time out
 *
 * Costs add up: what a dead node told nobody is never known, and its tokens stay missing in every later level. A
 * cut that meets another trouble may leave somebody out of all reach, and counts as a split.
 *
 * and of a rule with leases, for each of these, what may be leased at a time: B/2. It is unheard of by whoever decides
 * next, or given out when that one takes it for drained.
 *
 * A fault touches a key if it befalls the key's owner, or somebody who may stand in because a node before him in
 * the key's preference list is, or lately was, in trouble; a slow node, and one that nobody understands, may stand in
 * for anybody. None costs more than clients can ask for from a time of Δ before it until everything is known again.
 * Without any fault the bound is 0.
 *
 * Windows say R = count/period and B = count, and differ in these:
 *
 *     split              (P - 1)·B + B + R·Δ + 2c, for P sides: no window holds more than B of each
 *     clocks             c = 0 where all agree on which slice is which window (aligned, calendar), but a window by
 *                        the world's clock then holds parts of as many of theirs as their clocks are apart, each
 *                        up to B; else c = B
 *     first hit          2·B for every B, and c = B: windows of two deciders do not meet, and a new one may begin
 *                        anew; and B more, for all time: a window of the ideal meter may from then on hold parts of two
 *
 * A slow node that loses a link has given back what it never tells of: where clients give back, it may cost all
 * that they ask for.
 */
export function boundOf(experiment: Experiment): BoundOf {
  const spells = spellsOf(experiment)
  const nodes = nodesOf(experiment)
  const placement = new Placement(nodes)
  const known = new Map<string, number>()
  return (ruleName, key, limit) => {
    const name = `${ruleName}/${key}/${limit}`
    let bound = known.get(name)
    if (bound === undefined) {
      const rule = experiment.rules.find((one) => one.name === ruleName) as Rule
      const order = placement.preference(Number.parseInt(key.slice(0, 8), 16), nodes.length)
      const policy = rule.limits[limit] as LimitPolicy
      const cost = new Cost(experiment, rule, policy, new Demand(experiment, ruleName, key))
      const costs = spells.map((spell) => {
        return touches(spell, order, spells) ? cost.atMost(spell, spells) : 0
      })
      const ofFaults = costs.reduce((sum, tokens) => sum + tokens, 0) + cost.ofSlowness
      bound = ofFaults + cost.ofClocks + (ofFaults > 0 ? cost.ofPhase : 0)
      known.set(name, bound)
    }
    return bound
  }
}

/** Until views are one again after a fault: 3 s of suspicion, the join of whoever came back, and some gossip. */
const GRACE_MS = 8_000
/** An ambush waits for the next gossip before it kills. */
const AMBUSH_MS = GOSSIP_INTERVAL_MS * (1 + GOSSIP_JITTER)
/** Rarer than this is not reckoned with. */
const NEVER = 1e-7

function touches(spell: Spell, order: readonly NodeId[], spells: readonly Spell[]): boolean {
  // A slow node reads answers after it has given up on them, and stands in for whomever it asked. So does one
  // that nobody understands.
  if (spell.fault.type === 'slow' || spell.fault.type === 'lie') return true
  return spell.nodes.some((node) => {
    const before = order.slice(0, order.indexOf(node))
    return (
      before.length === 0 ||
      spells.some(
        (other) =>
          other !== spell &&
          overlaps(spell, other, GRACE_MS) &&
          other.nodes.some((inTrouble) => before.includes(inTrouble)),
      ) ||
      spell.nodes.some((other) => other !== node && before.includes(other))
    )
  })
}

/** What one limit loses by one fault. */
class Cost {
  readonly #experiment: Experiment
  readonly #rule: Rule
  readonly #burst: number
  readonly #perMs: number
  readonly #demand: Demand
  /** Δ. */
  readonly #staleMs: number
  /** R·Δ. */
  readonly #unheard: number
  /** c: what a change of the decider may cost by itself. */
  readonly #clocks: number
  readonly #policy: LimitPolicy
  /** What may be leased at a time. */
  readonly #leased: number

  constructor(experiment: Experiment, rule: Rule, policy: LimitPolicy, demand: Demand) {
    const { burst, rate } = policy
    this.#demand = demand
    this.#staleMs = staleMs(experiment)
    this.#experiment = experiment
    this.#rule = rule
    this.#policy = policy
    this.#leased = rule.leases === true ? burst / 2 : 0
    const windows = opensOnUse(policy) ? 2 : 1
    this.#burst = windows * burst
    this.#perMs = (windows * rate.count) / rate.periodMs
    this.#unheard = this.#perMs * this.#staleMs
    const spreadMs = clockSpreadMs(experiment)
    if (drains(policy)) this.#clocks = Math.min(burst, this.#perMs * spreadMs)
    else if (opensOnUse(policy) || (slides(policy) && spreadMs > 0)) this.#clocks = burst
    else this.#clocks = 0
  }

  /** Of windows that are cut by the clock. */
  get ofClocks(): number {
    const { algorithm, rate, burst } = this.#policy
    const isCut = !drains(this.#policy) && !slides(this.#policy) && !opensOnUse(this.#policy)
    if (!isCut) return 0
    const { clockOffsetsMs = [] } = this.#experiment
    const shortestMs =
      algorithm?.type === 'calendar-window' && 'unitsMs' in algorithm.calendar
        ? Math.min(...(algorithm.calendar as RepeatingCalendar).unitsMs)
        : rate.periodMs
    const stepsMs = clockStepsMs(this.#experiment)
    const aheadMs = Math.max(0, ...clockOffsetsMs) + stepsMs
    const behindMs = Math.max(0, ...clockOffsetsMs.map((offsetMs) => -offsetMs)) + stepsMs
    return burst * (Math.ceil(aheadMs / shortestMs) + Math.ceil(behindMs / shortestMs))
  }

  /** Of windows that open when they are used, once a fault has made deciders open them at different times. */
  get ofPhase(): number {
    return opensOnUse(this.#policy) ? this.#policy.burst : 0
  }

  /** A network with a tail of slow packets makes checks time out, whoever is up. */
  get ofSlowness(): number {
    const { network, nodes } = this.#experiment
    const each = this.#burst + this.#unheard + this.#leased
    return network?.delay?.tail === undefined ? 0 : (nodes - 1) * each
  }

  atMost(spell: Spell, spells: readonly Spell[]): number {
    const { fromMs, untilMs } = spell
    const asked = this.#demand.within(fromMs - this.#staleMs, untilMs + this.#staleMs + GRACE_MS)
    const isUntold = spell.fault.type === 'slow' && this.#demand.givesBack
    const cost = this.#of(spell, spells)
    return isUntold ? asked : Math.min(asked, cost > 0 ? cost + this.#leased : 0)
  }

  #of(spell: Spell, spells: readonly Spell[]): number {
    const { fault, fromMs } = spell
    const twoDeciders = this.#burst + this.#unheard
    switch (fault.type) {
      case 'kill':
      case 'power-off':
      case 'ambush': {
        const untold = this.#demand.within(fromMs - this.#staleMs, fromMs + AMBUSH_MS)
        return Math.min(this.#burst, untold) + this.#clocks
      }
      case 'start':
        return twoDeciders + this.#clocks + this.#alone(spell, spells)
      case 'leave':
        return twoDeciders + this.#clocks
      case 'pause':
        return twoDeciders + 2 * this.#clocks
      case 'slow':
        return twoDeciders + this.#perMs * fault.forMs + 2 * this.#clocks
      case 'cut':
      case 'cut-one-way':
      case 'clog': {
        const lone = !spells.some((other) => other !== spell && overlaps(spell, other, GRACE_MS))
        return lone ? twoDeciders + 2 * this.#clocks : this.#split(spell, [1, 1])
      }
      case 'split':
        return this.#split(
          spell,
          fault.sides.map((side) => side.length),
        )
      case 'lie':
        return fault.lie === 'inflate' ? 0 : this.#split(spell, [1, 1])
      case 'heal':
      case 'clock-step':
      case 'disk-hang':
      case 'disk-loss':
      case 'reload':
        return 0
    }
  }

  #split(spell: Spell, sides: readonly number[]): number {
    const healing = this.#burst + this.#unheard + 2 * this.#clocks
    if (!drains(this.#policy)) return (sides.length - 1) * this.#burst + healing
    const smallest = Math.min(...sides)
    const { nodes, gossipIntervalMs = GOSSIP_INTERVAL_MS } = this.#experiment
    const { onPartition = 'majority', partitionWeights } = this.#rule
    const side = { reached: smallest, members: nodes }
    const stated = overshootBound(
      onPartition,
      {
        ...side,
        splitForMs: spell.untilMs - spell.fromMs,
        // What it weighs by demand is not known, and the bound does not depend on it.
        ...(partitionWeights === 'demand' && { byDemand: side }),
      },
      { tokensPerMs: this.#perMs, burst: this.#burst },
      gossipIntervalMs,
    )
    return stated + healing
  }

  /** A node that starts while it may reach nobody. */
  #alone(spell: Spell, spells: readonly Spell[]): number {
    const untilMs = spells.reduce((latest, other) => {
      const isCut = ['split', 'cut', 'cut-one-way', 'clog'].includes(other.fault.type)
      const meets = isCut && other.fromMs <= spell.fromMs + GRACE_MS && other.untilMs > spell.fromMs
      return meets ? Math.max(latest, other.untilMs) : latest
    }, spell.fromMs)
    return untilMs > spell.fromMs ? this.#burst + this.#perMs * (untilMs - spell.fromMs) : 0
  }
}

/** Δ: a gossip interval, again for each frame that may be lost in a row, and the way. */
function staleMs({ network = {}, gossipIntervalMs = GOSSIP_INTERVAL_MS }: Experiment): number {
  const { gossipLoss = 0, copyLoss = 0, gossipLate, delay } = network
  const lost = 1 - (1 - gossipLoss) * (1 - copyLoss)
  const frames = lost === 0 ? 1 : 1 + Math.ceil(Math.log(NEVER) / Math.log(lost))
  const onItsWayMs = 2 * (delay?.tail?.maxMs ?? delay?.maxMs ?? 2) + (gossipLate?.delay.maxMs ?? 0)
  return frames * gossipIntervalMs * (1 + GOSSIP_JITTER) + onItsWayMs + 2 * TICK_MS
}

/** How far two clocks may ever be apart. */
function clockSpreadMs(experiment: Experiment): number {
  const { clockOffsetsMs = [], nodes } = experiment
  const offsets = Array.from({ length: nodes }, (_, index) => clockOffsetsMs[index] ?? 0)
  return Math.max(...offsets) - Math.min(...offsets) + clockStepsMs(experiment)
}

function clockStepsMs({ faults }: Experiment): number {
  return faults.reduce(
    (sum, fault) => (fault.type === 'clock-step' ? sum + Math.abs(fault.byMs) : sum),
    0,
  )
}
