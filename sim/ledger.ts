import type { ClusterEvent } from '../cluster/event.ts'
import type { Action, ForwardedCheck, Message } from '../cluster/message.ts'
import type { Outbound } from '../cluster/outbox.ts'
import type { NodeId } from '../crdt/node-id.ts'

/** What some node did to a key, at the instant it decided so: it let tokens through, took them, or took them back. */
export interface Deed {
  readonly atMs: number
  readonly node: NodeId
  readonly rule: string
  /** The key's hash in hex: what nodes know of it. */
  readonly key: string
  readonly cost: number
  /** Default: a check was let through. */
  readonly action?: Action
  /** Of tokens that were leased, or let through out of a lease. */
  readonly lease?: LeaseDeed | undefined
}

/** Tokens are let through twice in the books: when their owner counts them, and when a client gets them. */
export type LeaseDeed =
  /** The node has counted them for another, which may give them out for so long. */
  | { readonly type: 'granted'; readonly to: NodeId; readonly forMs: number }
  | { readonly type: 'spent' }

/** A decision that has arrived at a node, until the node says what it makes of it. */
interface Arrived {
  readonly check: ForwardedCheck | undefined
  readonly allowed: boolean
}

/**
 * Everything that was admitted, taken or given back anywhere, by whom and when, whether or not the client ever heard
 * of it. It reads what nodes say to each other and to their clients, and never looks inside one.
 *
 * A reply that allows is a deed of its sender, unless the sender only passes on what another node told
 * it in the same turn. What a node makes of each decision that arrives it says in events, one for each and in
 * order: `answered` if it waited for it, and then it passes it on at once; `late` if not.
 */
export class Ledger {
  readonly deeds: Deed[] = []
  /** Forwarded checks by asker, asked node and id, until their answers arrive. */
  readonly #asked = new Map<NodeId, Map<NodeId, Map<number, ForwardedCheck>>>()
  /** By node, and by the peer that decided. */
  readonly #arrived = new Map<NodeId, Map<NodeId, Arrived[]>>()
  /** Deeds a node was told of and is about to pass on, by node, action, cost and key. */
  readonly #passing = new Map<string, number>()

  /** Told of every deed as it is written down. */
  readonly #written: (deed: Deed) => void

  constructor(written: (deed: Deed) => void) {
    this.#written = written
  }

  /** Checks that were let through. */
  get admissions(): readonly Deed[] {
    return this.deeds.filter(isAdmission)
  }

  /** A node's life begins: what arrived at its last one is nobody's any more. */
  started(node: NodeId): void {
    this.#arrived.delete(node)
  }

  /** A node decided for itself: a check of its own door, at once or as a stand-in. */
  decided(deed: Deed): void {
    if (deed.cost === 0) return
    this.deeds.push(deed)
    this.#written(deed)
  }

  /** A node is about to send this. A reply that allows is a deed of its sender, now. */
  sent(from: NodeId, outbound: Outbound, atMs: number): void {
    if (outbound.type !== 'send') return
    const { to, message } = outbound
    if (message.type === 'forward') {
      const asked = inner(this.#asked, from, to, newChecks)
      for (const check of message.checks) asked.set(check.id, check)
    } else if (message.type === 'reply') {
      const asked = this.#asked.get(to)?.get(from)
      for (const { id, verdict, lease } of message.decisions) {
        const check = asked?.get(id)
        if (check === undefined || verdict !== 'allowed') continue
        const key = keyName(check.hashHi, check.hashLo)
        const { rule, action, cost } = check
        const deed: Deed = { atMs, node: from, rule, key, cost, action }
        if (this.#passesOn(deed)) continue
        this.decided(deed)
        if (lease === undefined) continue
        const { tokens, forMs } = lease
        this.decided({ ...deed, cost: tokens, lease: { type: 'granted', to, forMs } })
      }
    }
  }

  /** A message has arrived at a node and could be read. */
  received(node: NodeId, from: NodeId, message: Message): void {
    if (message.type !== 'reply') return
    const asked = this.#asked.get(node)?.get(from)
    const arrived = inner(this.#arrived, node, from, newArrivals)
    for (const { id, verdict } of message.decisions) {
      arrived.push({ check: asked?.get(id), allowed: verdict === 'allowed' })
      asked?.delete(id)
    }
    // A thousand nodes are a million pairs, and few of them talk at any one time.
    if (asked?.size === 0) this.#asked.get(node)?.delete(from)
  }

  /** A node says what it made of the oldest decision of a peer's that it was given. */
  happened(node: NodeId, event: ClusterEvent): void {
    if (event.type !== 'forwarded') return
    const { peer, result } = event
    if (result !== 'answered' && result !== 'late') return
    const waiting = this.#arrived.get(node)?.get(peer)
    const arrived = waiting?.shift()
    if (waiting?.length === 0) this.#arrived.get(node)?.delete(peer)
    if (result === 'late' || arrived?.check === undefined || !arrived.allowed) return
    const { hashHi, hashLo, action, cost } = arrived.check
    const passing = passingName(node, action, cost, keyName(hashHi, hashLo))
    this.#passing.set(passing, (this.#passing.get(passing) ?? 0) + 1)
  }

  /**
   * A node tells its own client that another node allowed a check. What it tells peers it says first: if one
   * of them was taken for the one told of that decision, the node decided the peer's check itself, at the same cost.
   */
  toldOwnClient(deed: Deed): void {
    if (!this.#passesOn(deed)) this.decided(deed)
  }

  /** Whether this node only passes on what another decided. */
  #passesOn({ node, action = 'check', cost, key }: Deed): boolean {
    if (this.#passing.size === 0) return false
    const name = passingName(node, action, cost, key)
    const waiting = this.#passing.get(name) ?? 0
    if (waiting === 0) return false
    if (waiting === 1) this.#passing.delete(name)
    else this.#passing.set(name, waiting - 1)
    return true
  }
}

/** Whether a check was let through. */
export function isAdmission({ action = 'check', lease }: Deed): boolean {
  return action === 'check' && lease?.type !== 'granted'
}

function passingName(node: NodeId, action: Action, cost: number, key: string): string {
  return `${node} ${action} ${cost} ${key}`
}

function newChecks(): Map<number, ForwardedCheck> {
  return new Map()
}

function newArrivals(): Arrived[] {
  return []
}

/** The value of two keys, made if need be. */
function inner<Value>(
  outer: Map<NodeId, Map<NodeId, Value>>,
  first: NodeId,
  second: NodeId,
  make: () => Value,
): Value {
  let values = outer.get(first)
  if (values === undefined) {
    values = new Map()
    outer.set(first, values)
  }
  let value = values.get(second)
  if (value === undefined) {
    value = make()
    values.set(second, value)
  }
  return value
}

export function keyName(hashHi: number, hashLo: number): string {
  return hashHi.toString(16).padStart(8, '0') + hashLo.toString(16).padStart(8, '0')
}
