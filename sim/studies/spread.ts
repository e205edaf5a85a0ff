import type { ClusterEvent } from '../../cluster/event.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { KeyHash } from '../../src/limiter/key-hash.ts'
import { NO_ROW } from '../../src/limiter/key-table.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { READY_MS } from '../experiment.ts'
import type { NetworkOptions } from '../network.ts'
import { Simulation, START_MS } from '../simulation.ts'
import type { Steps } from './steps.ts'

/** How admissions are sown over a cluster that has nothing else to do. */
export interface Sowing {
  readonly seed: number
  readonly nodes: number
  readonly network?: Partial<Omit<NetworkOptions, 'random'>>
  readonly gossipIntervalMs?: number
  /** One token each, of a key that was never asked for before, at the door of its owner. */
  readonly admissions: number
  /** Between one and the next, on average. */
  readonly everyMs: number
  /** How long the last one is waited for. */
  readonly waitMs: number
}

/** How news of admissions spread. */
export interface Spread {
  /** For each admission, how long each other node took to know of it, by rising time; who never did is missing. */
  readonly heardMs: readonly (readonly number[])[]
  readonly nodes: number
  /** How many of those times a node learnt of it by comparing, after gossip had failed it. */
  readonly repaired: number
  /** Of one node and second, relayed frames included, while admissions were made. */
  readonly messagesPerS: number
  readonly bytesPerS: number
}

/**
 * Sealed and compared after 3 s, and remembered for 22 s: long enough to see anti-entropy at work. Nobody
 * asks twice for a key, so the limit is never near.
 */
const RULE: Rule = {
  name: 'sown',
  limits: [{ rate: { count: 100, periodMs: 10_000 }, burst: 100 }],
}

/** An admission that not everybody knows of yet. */
interface Tag {
  readonly owner: NodeId
  readonly hash: KeyHash
  readonly atMs: number
  readonly heardMs: number[]
  readonly waiting: Set<NodeId>
  repaired: number
}

/**
 * Makes admissions at all phases of the gossip interval, and notes when each node first holds a count of
 * each. Exact to the event: a node is looked at whenever it says that it has learnt something.
 */
export function sow(sowing: Sowing, steps: Steps): Spread {
  const { nodes, admissions, everyMs, waitMs, gossipIntervalMs } = sowing
  // A slow interval makes a slow start.
  const readyMs = READY_MS + 8 * (gossipIntervalMs ?? 0)
  const world = new Simulation({
    ...sowing,
    rules: [RULE],
    keysMax: 2 * admissions + 64,
    copies: 'all',
  })
  world.runUntil(readyMs)
  const random = world.stream('sowing')
  const tags: Tag[] = []
  const open = new Set<Tag>()
  world.observe({ event: (node, event) => hear(world, open, node, event) })
  for (let index = 0; index < admissions; index += 1) {
    const atMs = START_MS + readyMs + index * everyMs + random.below(Math.ceil(everyMs))
    world.at(atMs, () => {
      const tag = plant(world, `sown ${index}`)
      tags.push(tag)
      open.add(tag)
    })
  }
  const before = sent(world)
  const spanMs = admissions * everyMs
  world.runUntil(readyMs + spanMs)
  const after = sent(world)
  world.runUntil(readyMs + spanMs + waitMs)
  steps.ran(world)
  const perNodeAndS = 1_000 / spanMs / nodes
  return {
    heardMs: tags.map((tag) => tag.heardMs),
    nodes,
    repaired: tags.reduce((sum, tag) => sum + tag.repaired, 0),
    messagesPerS: (after.messages - before.messages) * perNodeAndS,
    bytesPerS: (after.bytes - before.bytes) * perNodeAndS,
  }
}

function plant(world: Simulation, key: string): Tag {
  const owner = world.ownerOf(RULE.name, key)
  world.ask(owner, { rule: RULE.name, key, cost: 1 })
  const waiting = new Set(world.live.filter((id) => id !== owner))
  return {
    owner,
    hash: world.hashOf(RULE.name, key),
    atMs: world.nowMs,
    heardMs: [],
    waiting,
    repaired: 0,
  }
}

function hear(world: Simulation, open: Set<Tag>, node: NodeId, event: ClusterEvent): void {
  if (event.type !== 'repaired' && !(event.type === 'merged' && event.result.raised > 0)) return
  const table = world.host(node).node.limiter.rule(RULE.name)?.store.table
  for (const tag of open) {
    if (event.type === 'merged' && event.from !== tag.owner) continue
    if (!tag.waiting.has(node) || table?.find(tag.hash.hi, tag.hash.lo) === NO_ROW) continue
    tag.waiting.delete(node)
    if (event.type === 'repaired') tag.repaired += 1
    tag.heardMs.push(world.nowMs - tag.atMs)
    if (tag.waiting.size === 0) open.delete(tag)
  }
}

function sent(world: Simulation): { readonly messages: number; readonly bytes: number } {
  let [messages, bytes] = [0, 0]
  for (const id of world.ids) {
    const { sent: out } = world.network.traffic(id)
    messages += out.messages
    bytes += out.bytes
  }
  return { messages, bytes }
}

/** Of each admission that everybody came to know of: when the last one did. By rising time. */
export function untilAllKnowMs({ heardMs, nodes }: Spread): number[] {
  return heardMs
    .filter((times) => times.length === nodes - 1)
    .map((times) => times.at(-1) ?? 0)
    .sort((a, b) => a - b)
}

/** Share of all nodes, the owner included, that know of an admission so long after it, on average. */
export function shareThatKnows({ heardMs, nodes }: Spread, afterMs: number): number {
  const known = heardMs.reduce((sum, times) => {
    const later = times.findIndex((ms) => ms > afterMs)
    return sum + 1 + (later < 0 ? times.length : later)
  }, 0)
  return known / (nodes * Math.max(1, heardMs.length))
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

/** Nearest rank of values by rising size; 0 of nothing. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
