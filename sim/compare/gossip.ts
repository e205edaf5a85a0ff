import { type Architecture, outcomeOf } from './architecture.ts'
import type { Buckets } from './bucket.ts'
import { type Model, type Place, play, type World } from './world.ts'

/**
 * Nobody owns a key: every server decides on its own view, and every interval tells all others how much it has let
 * through of each key, as a G-Counter (Shapiro et al. 2011: one entry an actor, merged by the larger). Limitador's
 * distributed storage, colibri. Nothing can fail and no check waits; but what others let through in
 * the last interval Δ is unknown, so N servers may exceed the limit by (N - 1)·(B + R·Δ).
 *
 * Simplified: every server tells every other one directly, the best case of any dissemination.
 */
export const gossipOnly: Architecture = {
  name: 'gossip only',
  describe:
    'every server decides on counters that are gossiped at an interval (Limitador, colibri)',
  inSplit: 'each side goes on with the whole limit',
  run: (scenario) => play(scenario, gossiping),
}

function gossiping(world: World): Model {
  const members = world.nodes.map((node) => new Member(world, node, 1))
  world.nodes.forEach((node) => {
    world.every(world.options.gossip.intervalMs, () => {
      if (world.isUp(node)) members[node]?.tell(members)
    })
  })
  return {
    ask(arrival, answer) {
      const allowed = members[arrival.node]?.take(arrival.key, arrival.cost) === true
      if (allowed) world.admit(arrival)
      answer(outcomeOf(allowed))
    },
    restarted(node) {
      const reborn = new Member(world, node, 2)
      const [teacher] = members.filter(({ place }) => place !== node)
      if (teacher !== undefined) reborn.learnFrom(teacher)
      members[node] = reborn
    },
  }
}

/** One life of one server. */
class Member {
  readonly place: Place
  readonly #world: World
  /** A new life is a new actor: its counts start from 0 and must not be taken for old ones. */
  readonly #actor: string
  readonly #buckets: Buckets
  /** The G-Counter: tokens by actor and key, its own included. */
  readonly #counts = new Map<string, Map<string, number>>()

  constructor(world: World, place: Place, life: number) {
    this.#world = world
    this.place = place
    this.#actor = `${place}#${life}`
    this.#buckets = world.buckets()
    this.#counts.set(this.#actor, new Map())
  }

  take(key: string, cost: number): boolean {
    const allowed = this.#buckets.of(key).take(cost, this.#world.nowMs)
    const own = this.#counts.get(this.#actor)
    if (allowed) own?.set(key, (own.get(key) ?? 0) + cost)
    return allowed
  }

  /** Tells its own counts: absolute ones, so that a lost message costs nothing but time. */
  tell(members: readonly Member[]): void {
    const counts = new Map(this.#counts.get(this.#actor))
    for (const { place } of members) {
      if (place === this.place) continue
      // Whoever lives there when it arrives.
      this.#world.send(this.place, place, () => members[place]?.merge(this.#actor, counts))
    }
  }

  /** Takes over all that another one knows, before it answers for the first time. */
  learnFrom(teacher: Member): void {
    this.#world.send(this.place, teacher.place, () => {
      const levels = teacher.#buckets.levelsAt(this.#world.nowMs)
      const counts = [...teacher.#counts].map(([actor, own]) => [actor, new Map(own)] as const)
      this.#world.send(teacher.place, this.place, () => {
        for (const [key, level] of levels) this.#buckets.of(key).set(level, this.#world.nowMs)
        for (const [actor, own] of counts) this.#counts.set(actor, own)
      })
    })
  }

  merge(actor: string, counts: ReadonlyMap<string, number>): void {
    const known = this.#counts.get(actor) ?? new Map<string, number>()
    this.#counts.set(actor, known)
    for (const [key, count] of counts) {
      const news = count - (known.get(key) ?? 0)
      if (news <= 0) continue
      known.set(key, count)
      this.#buckets.of(key).charge(news, this.#world.nowMs)
    }
  }
}
