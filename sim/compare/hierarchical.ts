import { type Architecture, outcomeOf } from './architecture.ts'
import type { Buckets } from './bucket.ts'
import { type Model, type Place, play, type World } from './world.ts'

/**
 * Edge, region, global: every server decides at once on what it believes, and reports what it let through to its
 * region at an interval; regions report to the top at theirs. Each answer brings down the level of whoever knows
 * more. Uber's global rate limiter has these three levels; Databricks' clients report every 100 ms, Gubernator's
 * GLOBAL mode has two levels at 100 ms. What is let through in excess meanwhile is found out and paid back: over time
 * the rate is right, within a few intervals it is not.
 *
 * Simplified: counts go up and levels come down exactly, as running totals, so that a lost report costs nothing but
 * time. Uber sends down a share of checks to drop instead of a level. One region on each side of the split.
 */
export const hierarchical: Architecture = {
  name: 'hierarchical',
  describe: 'servers decide at once and report to a region, regions to the top (Uber, Databricks)',
  inSplit: 'each region goes on alone with the whole limit',
  run: (scenario) => play(scenario, hierarchy),
}

function hierarchy(world: World): Model {
  const { edgeIntervalMs, regionIntervalMs } = world.options.hierarchy
  const top = new Tier(world, world.addPlace(0))
  const regions = ([0, 1] as const).map((side) => new Tier(world, world.addPlace(side)))
  const edges = world.nodes.map((node) => new Tier(world, node))
  for (const region of regions) world.every(regionIntervalMs, () => region.report(top))
  for (const edge of edges) {
    const region = regions[world.sideOf(edge.place)] ?? top
    world.every(edgeIntervalMs, () => edge.report(region))
  }
  return {
    centre: top.place,
    ask(arrival, answer) {
      const allowed = edges[arrival.node]?.take(arrival.key, arrival.cost) === true
      if (allowed) world.admit(arrival)
      answer(outcomeOf(allowed))
    },
  }
}

/** Tokens by key, since the beginning. */
type Totals = ReadonlyMap<string, number>

/** One host of the hierarchy: what it believes, and what it and those below it let through. */
class Tier {
  readonly place: Place
  readonly #world: World
  readonly #buckets: Buckets
  readonly #totals = new Map<string, number>()
  /** The totals that each host below has reported. */
  readonly #reported = new Map<Place, Totals>()

  constructor(world: World, place: Place) {
    this.#world = world
    this.place = place
    this.#buckets = world.buckets()
  }

  take(key: string, cost: number): boolean {
    const allowed = this.#buckets.of(key).take(cost, this.#world.nowMs)
    if (allowed) this.#count(key, cost)
    return allowed
  }

  /** Tells its totals to the host above, and believes the levels in its answer. */
  report(above: Tier): void {
    const totals = new Map(this.#totals)
    this.#world.send(this.place, above.place, () => {
      above.#hear(this.place, totals)
      const levels = above.#buckets.levelsAt(this.#world.nowMs)
      this.#world.send(above.place, this.place, () => this.#believe(levels, totals))
    })
  }

  #hear(from: Place, totals: Totals): void {
    const before = this.#reported.get(from)
    this.#reported.set(from, totals)
    for (const [key, total] of totals) {
      const news = total - (before?.get(key) ?? 0)
      if (news === 0) continue
      this.#buckets.of(key).charge(news, this.#world.nowMs)
      this.#count(key, news)
    }
  }

  /** The level above holds what was reported; what came since is added. */
  #believe(levels: ReadonlyMap<string, number>, reported: Totals): void {
    for (const [key, level] of levels) {
      const since = (this.#totals.get(key) ?? 0) - (reported.get(key) ?? 0)
      this.#buckets.of(key).set(level + since, this.#world.nowMs)
    }
  }

  #count(key: string, tokens: number): void {
    this.#totals.set(key, (this.#totals.get(key) ?? 0) + tokens)
  }
}
