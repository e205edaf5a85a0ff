import type { NodeId } from '../../crdt/node-id.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { Simulation, START_MS } from '../simulation.ts'
import { boot, SCALE_LIMIT, sentBy } from './scale-run.ts'

/** What a node sends for the keys it owns, and with nothing to tell. */
export interface Telling {
  readonly nodes: number
  /** Nodes that hold each key. */
  readonly copies: number
  readonly idleBytesPerS: number
  readonly countBytesPerS: number
}

export interface TellingOptions {
  readonly seed: number
  readonly nodes: number
  /** Keys that each node owns and that are used, twice a second each, at its own door: nothing is forwarded. */
  readonly keys: number
}

const CHECK_EVERY_MS = 500
/** Two rounds of anti-entropy. */
const WATCHED_MS = 10_000

export function runTelling({ seed, nodes, keys }: TellingOptions): Telling {
  const rule: Rule = { name: 'demo', limits: [SCALE_LIMIT] }
  const keysMax = 2 * keys * nodes
  const world = new Simulation({ seed, nodes, rules: [rule], keysMax, keepsAnswers: false })
  boot(world, nodes, () => undefined)
  const idleBytesPerS = watched(world)
  use(world, rule, keys)
  const busyBytesPerS = watched(world)
  const { copies } = world.host(world.ids[0] as NodeId).node.replica
  return {
    nodes,
    copies: copies.isScoped ? copies.count : nodes,
    idleBytesPerS,
    countBytesPerS: busyBytesPerS - idleBytesPerS,
  }
}

/** Sent by one node in a second, in the mean. */
function watched(world: Simulation): number {
  const [{ bytes }, sinceMs] = [sentBy(world), world.nowMs]
  world.runUntil(sinceMs - START_MS + WATCHED_MS)
  return ((sentBy(world).bytes - bytes) * 1_000) / (world.nowMs - sinceMs) / world.ids.length
}

/** From now on, all the time. */
function use(world: Simulation, rule: Rule, keys: number): void {
  const owned = new Map(world.ids.map((id) => [id, [] as string[]]))
  for (let number = 0, left = keys * owned.size; left > 0; number++) {
    const mine = owned.get(world.ownerOf(rule.name, `key-${number}`)) as string[]
    if (mine.length >= keys) continue
    mine.push(`key-${number}`)
    left -= 1
  }
  for (const [id, names] of owned) {
    const turn = (atMs: number) =>
      world.at(atMs, () => {
        for (const key of names) world.ask(id, { rule: rule.name, key, cost: 1 })
        turn(atMs + CHECK_EVERY_MS)
      })
    turn(world.nowMs)
  }
}
