import type { NodeId } from '../../crdt/node-id.ts'
import type { LimitPolicy, Rule } from '../../src/limiter/policy.ts'
import { type Meter, meterOf } from '../checkers/meter.ts'
import type { ClientAnswer } from '../observer.ts'
import { Simulation, START_MS } from '../simulation.ts'

export interface ScaleOptions {
  readonly seed: number
  readonly nodes: number
  /** Keys that all nodes are asked for, all alike. */
  readonly keys: number
  readonly checksPerNodePerS: number
  /** How long clients ask: one half of it in health, and one half after a node was killed. */
  readonly loadMs: number
}

/** A minute's worth at once, and one each second: how an interface for people is usually limited. */
export const SCALE_LIMIT: LimitPolicy = { rate: { count: 60, periodMs: 60_000 }, burst: 60 }

/** One size of cluster under load. */
export interface ScaleOutcome {
  readonly nodes: number
  readonly offeredPerS: number
  readonly checks: number
  readonly healthy: Accuracy
  /** Of the whole time, the death of a node included. */
  readonly withDeath: Accuracy
  /** Virtual milliseconds until all nodes were one ring. */
  readonly bootMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Sent by one node in a second under load, in the mean. */
  readonly bytesPerNodePerS: number
  readonly messagesPerNodePerS: number
  readonly events: number
}

export interface Accuracy {
  /** Tokens of all keys. */
  readonly admitted: number
  readonly ideal: number
  /** 1 - Σ over keys of |admitted - ideal| / Σ ideal. */
  readonly share: number
  /** Of the key that was exceeded most, in tokens. */
  readonly overshoot: number
}

/** Boots a cluster, asks every node for its share of checks, and kills one node at half time. */
export function runAtScale(options: ScaleOptions, tell: (what: string) => void): ScaleOutcome {
  const { seed, nodes, keys, checksPerNodePerS, loadMs } = options
  const rule: Rule = { name: 'demo', limits: [SCALE_LIMIT] }
  const world = new Simulation({
    seed,
    nodes,
    rules: [rule],
    keysMax: 2 * keys,
    keepsAnswers: false,
  })
  const books = new Books(world, rule, keys)
  const bootMs = boot(world, nodes, tell)
  const latencies = new Latencies()
  world.observe({
    answered: (seen) => latencies.add(seen),
    admitted: ({ key, atMs, cost }) => books.admitted(key, atMs, cost),
  })
  const before = sentBy(world)
  load(world, books, options)
  const fromMs = world.nowMs - START_MS
  const half = loadMs / 2
  tell(`${nodes} nodes: in health`)
  world.runUntil(fromMs + half)
  const healthy = books.accuracy()
  const traffic = sentBy(world)
  if (nodes > 1) world.kill(world.ids[0] as NodeId)
  tell(`${nodes} nodes: after a death`)
  world.runUntil(fromMs + loadMs + SETTLE_MS)
  const perNodePerS = (sent: number) => (sent * 1_000) / half / nodes
  return {
    nodes,
    offeredPerS: nodes * checksPerNodePerS,
    checks: world.asked,
    healthy,
    withDeath: books.accuracy(),
    bootMs,
    p50Ms: latencies.quantile(0.5),
    p99Ms: latencies.quantile(0.99),
    bytesPerNodePerS: perNodePerS(traffic.bytes - before.bytes),
    messagesPerNodePerS: perNodePerS(traffic.messages - before.messages),
    events: world.events,
  }
}

/** For the last answers, and for gossip about the last admissions. */
const SETTLE_MS = 200
/** Between two looks at whether the ring is whole, and before giving up. */
const BOOT_STEP_MS = 100
const BOOT_MS_MAX = 30_000
/** After the ring is whole, so that nobody greets or hands over any more. */
const CALM_MS = 600

export function boot(world: Simulation, nodes: number, tell: (what: string) => void): number {
  for (let atMs = BOOT_STEP_MS; atMs <= BOOT_MS_MAX; atMs += BOOT_STEP_MS) {
    world.runUntil(atMs)
    tell(`${nodes} nodes: joining`)
    const placements = world.ids.map((id) => world.host(id).node.replica.membership.placement)
    const [first] = placements
    const isWhole = placements.every(({ view }) => view === first?.view)
    if (isWhole && first?.members.length === nodes) {
      world.runUntil(atMs + CALM_MS)
      return atMs
    }
  }
  throw new Error(`${nodes} nodes were not one ring after ${BOOT_MS_MAX} ms`)
}

/** Every node is asked once in each millisecond, for several keys at once, as a busy server is. */
function load(world: Simulation, books: Books, options: ScaleOptions): void {
  const { checksPerNodePerS, loadMs, keys } = options
  const perTurn = Math.max(1, Math.round(checksPerNodePerS / 1_000))
  const untilMs = world.nowMs + loadMs
  world.ids.forEach((id, index) => {
    const random = world.stream(`clients of ${id}`)
    const phaseMs = index / world.ids.length
    const turn = (atMs: number) => {
      if (atMs >= untilMs) return
      world.at(atMs, () => {
        if (!world.host(id).alive) return
        for (let asked = 0; asked < perTurn; asked++) books.ask(id, random.below(keys))
        turn(atMs + 1)
      })
    }
    turn(world.nowMs + phaseMs)
  })
}

export function sentBy(world: Simulation): { readonly messages: number; readonly bytes: number } {
  let messages = 0
  let bytes = 0
  for (const id of world.ids) {
    const { sent } = world.network.traffic(id)
    messages += sent.messages
    bytes += sent.bytes
  }
  return { messages, bytes }
}

interface Account {
  readonly request: { readonly rule: string; readonly key: string; readonly cost: number }
  /** The bucket that decides as it should be. */
  readonly ideal: Meter
  readonly meter: Meter
  idealTokens: number
  tokens: number
  highest: number
}

/** What was admitted of every key, and what one bucket would have admitted, asked the same. */
class Books {
  readonly #world: Simulation
  readonly #accounts: readonly Account[]
  readonly #byName = new Map<string, Account>()

  constructor(world: Simulation, rule: Rule, keys: number) {
    this.#world = world
    this.#accounts = Array.from({ length: keys }, (_, index) => {
      const account: Account = {
        request: { rule: rule.name, key: `key-${index}`, cost: 1 },
        ideal: meterOf(SCALE_LIMIT),
        meter: meterOf(SCALE_LIMIT),
        idealTokens: 0,
        tokens: 0,
        highest: 0,
      }
      this.#byName.set(world.keyName(rule.name, account.request.key), account)
      return account
    })
  }

  ask(node: NodeId, key: number): void {
    const account = this.#accounts[key] as Account
    const { nowMs } = this.#world
    if (account.ideal.levelAt(nowMs) + 1 <= SCALE_LIMIT.burst) {
      account.ideal.pass(nowMs, 1)
      account.idealTokens += 1
    }
    this.#world.ask(node, account.request)
  }

  admitted(name: string, atMs: number, cost: number): void {
    const account = this.#byName.get(name)
    if (account === undefined) return
    account.tokens += cost
    account.highest = Math.max(account.highest, account.meter.pass(atMs, cost))
  }

  accuracy(): Accuracy {
    const total = { admitted: 0, ideal: 0, off: 0, highest: 0 }
    for (const { tokens, idealTokens, highest } of this.#accounts) {
      total.admitted += tokens
      total.ideal += idealTokens
      total.off += Math.abs(tokens - idealTokens)
      total.highest = Math.max(total.highest, highest)
    }
    return {
      admitted: total.admitted,
      ideal: total.ideal,
      share: 1 - total.off / Math.max(1, total.ideal),
      overshoot: Math.max(0, total.highest - SCALE_LIMIT.burst),
    }
  }
}

/** Answers by how long they took, in tenths of a millisecond: millions of them in a few kilobytes. */
class Latencies {
  readonly #tenths = new Float64Array(10_000)
  #count = 0

  add({ askedMs, answeredMs }: ClientAnswer): void {
    const tenth = Math.min(this.#tenths.length - 1, Math.ceil((answeredMs - askedMs) * 10))
    this.#tenths[tenth] = (this.#tenths[tenth] as number) + 1
    this.#count += 1
  }

  /** Milliseconds within which this share of all was answered. */
  quantile(share: number): number {
    let left = share * this.#count
    for (let tenth = 0; tenth < this.#tenths.length; tenth++) {
      left -= this.#tenths[tenth] as number
      if (left <= 0) return tenth / 10
    }
    return this.#tenths.length / 10
  }
}
