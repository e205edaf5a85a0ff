import type { Random } from '../../cluster/random.ts'
import { drawMs } from '../path.ts'
import { Schedule } from '../schedule.ts'
import { streamOf } from '../simulation.ts'
import type { Admitted, Answered, Outcome, Run, Scenario } from './architecture.ts'
import { Buckets } from './bucket.ts'
import type { CompareOptions } from './options.ts'
import { phaseNamed, type Side, sideOf, VICTIM } from './timeline.ts'
import type { Arrival } from './workload.ts'

/** Somewhere a message can go: a server, by its index, or a host that only one architecture has. */
export type Place = number

/** An architecture at work in a `World`. */
export interface Model {
  /** The host on which most depends. Without it the outage strikes the server `VICTIM`. */
  readonly centre?: Place
  /** A check has come to `arrival.node`. `answer` is called once, now or later. */
  ask(arrival: Arrival, answer: (outcome: Outcome) => void): void
  /** A server is up again and has forgotten everything. A centre forgets nothing: its replica takes over. */
  restarted?(node: Place): void
}

/**
 * Hosts, a network and time for models of rate limiters: what happens next happens at once, and in between
 * nothing does. Deciding costs no time; only the network does. Messages between two hosts arrive in order.
 */
export class World {
  readonly options: CompareOptions
  readonly random: Random
  readonly admissions: Admitted[] = []
  /** Put on the network so far. */
  messages = 0
  readonly #schedule = new Schedule()
  readonly #sides: Side[]
  readonly #down = new Map<Place, 'kill' | 'power-off'>()
  readonly #lastArrivalMs = new Map<string, number>()
  #split = false
  #nowMs = 0

  constructor(options: CompareOptions) {
    this.options = options
    this.random = streamOf(options.seed, 'compare network')
    this.#sides = Array.from({ length: options.nodes }, (_, node) => sideOf(node, options.nodes))
  }

  get nowMs(): number {
    return this.#nowMs
  }

  get nodes(): readonly Place[] {
    return Array.from({ length: this.options.nodes }, (_, node) => node)
  }

  sideOf(place: Place): Side {
    return this.#sides[place] ?? 0
  }

  /** A further host, on one side of the split that may come. */
  addPlace(side: Side): Place {
    return this.#sides.push(side) - 1
  }

  /** A bucket for each key, at a share of the limit. */
  buckets(share = 1): Buckets {
    return new Buckets(this.options.limit, this.options.memoryMs, share)
  }

  plan(afterMs: number, happen: () => void): void {
    this.#schedule.plan(this.#nowMs + afterMs, happen)
  }

  /** Again and again for as long as the world lasts, from a random moment of the first interval on. */
  every(intervalMs: number, happen: () => void): void {
    const again = () => {
      happen()
      this.plan(intervalMs, again)
    }
    this.plan(this.random.below(intervalMs), again)
  }

  isUp(place: Place): boolean {
    return !this.#down.has(place)
  }

  /**
   * One message. It is lost if its receiver is out of reach when it arrives; a host whose process has died says so,
   * and the sender hears `refused` a trip later.
   */
  send(from: Place, to: Place, arrive: () => void, refused?: () => void): void {
    this.messages += 1
    this.#carry(from, to, () => {
      const down = this.#down.get(to)
      if (down === undefined) arrive()
      else if (down === 'kill' && refused !== undefined) this.#carry(to, from, refused)
    })
  }

  /** Tokens are let through, now. */
  admit({ key, cost }: Pick<Arrival, 'key' | 'cost'>): void {
    this.admissions.push({ atMs: this.#nowMs, key, cost })
  }

  stop(place: Place): void {
    this.#down.set(place, this.options.outage)
  }

  start(place: Place): void {
    this.#down.delete(place)
  }

  split(isSplit: boolean): void {
    this.#split = isSplit
  }

  runUntil(untilMs: number): void {
    const schedule = this.#schedule
    for (let atMs = schedule.nextAtMs(); atMs <= untilMs; atMs = schedule.nextAtMs()) {
      this.#nowMs = atMs
      schedule.take()?.()
    }
  }

  #carry(from: Place, to: Place, arrive: () => void): void {
    const path = `${from}>${to}`
    const ownMs = this.#nowMs + drawMs(this.options.delay, this.random)
    const atMs = Math.max(this.#lastArrivalMs.get(path) ?? 0, ownMs)
    this.#lastArrivalMs.set(path, atMs)
    this.#schedule.plan(atMs, () => {
      if (!this.#split || this.sideOf(from) === this.sideOf(to)) arrive()
    })
  }
}

/** Plays a scenario to a model. What is on its way when the last phase ends may still arrive for `TAIL_MS`. */
export function play(scenario: Scenario, build: (world: World) => Model): Run {
  const { arrivals, options, phases } = scenario
  const world = new World(options)
  const model = build(world)
  const outage = phaseNamed(phases, 'outage')
  const split = phaseNamed(phases, 'split')
  const struck = model.centre ?? VICTIM
  world.plan(outage.fromMs, () => world.stop(struck))
  world.plan(outage.toMs, () => {
    world.start(struck)
    if (struck !== model.centre) model.restarted?.(struck)
  })
  world.plan(split.fromMs, () => world.split(true))
  world.plan(split.toMs, () => world.split(false))
  const answers: (Answered | undefined)[] = arrivals.map(() => undefined)
  arrivals.forEach((arrival, index) => {
    world.plan(arrival.atMs, () => {
      model.ask(arrival, (outcome) => {
        answers[index] = { outcome, atMs: world.nowMs }
      })
    })
  })
  const sentUntil = phases.map(({ toMs }) => {
    world.runUntil(toMs)
    return world.messages
  })
  world.runUntil((phases.at(-1)?.toMs ?? 0) + TAIL_MS)
  return { answers, admissions: world.admissions, messages: differences(sentUntil) }
}

/** Longer than any timeout. */
export const TAIL_MS = 2_000

/** What each total adds to the one before it. */
export function differences(totals: readonly number[]): number[] {
  return totals.map((total, index) => total - (totals[index - 1] ?? 0))
}
