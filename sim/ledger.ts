import type { Outbound } from '../cluster/outbox.ts'
import type { NodeId } from '../crdt/node-id.ts'

/** Tokens that some node let through, at the instant it decided so. */
export interface Admission {
  readonly atMs: number
  readonly node: NodeId
  readonly rule: string
  /** The key's hash in hex: what nodes know of it. */
  readonly key: string
  readonly cost: number
}

interface Asked {
  readonly rule: string
  readonly key: string
  readonly cost: number
  /** A node that is no origin asked on another's behalf. */
  readonly relayed: boolean
}

/**
 * Everything that was admitted anywhere, by whom and when, whether or not the client ever heard of it. It
 * reads what nodes say to each other and to their clients, and never looks inside one.
 */
export class Ledger {
  readonly admissions: Admission[] = []
  /** Forwarded checks by asker, asked node and id, until they are answered. */
  readonly #asked = new Map<string, Asked>()
  /** Admissions a node was told of and has yet to pass on, by node and key. */
  readonly #passing = new Map<string, number>()

  /** Told of every admission as it is written down. */
  readonly #written: (admission: Admission) => void

  constructor(written: (admission: Admission) => void) {
    this.#written = written
  }

  /** A node decided for itself: a check of its own door, at once or as a stand-in. */
  decided(admission: Admission): void {
    if (admission.cost === 0) return
    this.admissions.push(admission)
    this.#written(admission)
  }

  /** A node is about to send this. A reply that allows is an admission by its sender, now. */
  sent(from: NodeId, outbound: Outbound, atMs: number): void {
    if (outbound.type !== 'send') return
    const { to, message } = outbound
    if (message.type === 'forward') {
      for (const { id, rule, hashHi, hashLo, cost, hops } of message.checks) {
        const key = keyName(hashHi, hashLo)
        this.#asked.set(`${from}>${to}#${id}`, { rule, key, cost, relayed: hops > 1 })
      }
    } else if (message.type === 'reply') {
      for (const { id, verdict } of message.decisions) {
        this.#replied(from, to, id, verdict === 'allowed', atMs)
      }
    }
  }

  #replied(from: NodeId, to: NodeId, id: number, allowed: boolean, atMs: number): void {
    const line = `${to}>${from}#${id}`
    const asked = this.#asked.get(line)
    this.#asked.delete(line)
    if (asked === undefined || !allowed) return
    if (this.#passesOn(`${from} ${asked.key}`)) return
    const { rule, key, cost } = asked
    this.decided({ atMs, node: from, rule, key, cost })
    if (asked.relayed) {
      const passing = `${to} ${key}`
      this.#passing.set(passing, (this.#passing.get(passing) ?? 0) + 1)
    }
  }

  /** Whether this reply only passes on what another node decided. */
  #passesOn(name: string): boolean {
    const waiting = this.#passing.get(name) ?? 0
    if (waiting === 0) return false
    this.#passing.set(name, waiting - 1)
    return true
  }
}

export function keyName(hashHi: number, hashLo: number): string {
  return hashHi.toString(16).padStart(8, '0') + hashLo.toString(16).padStart(8, '0')
}
