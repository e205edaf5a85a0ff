import { Counter, type Registry } from 'prom-client'
import type { MergeResult } from '../../crdt/counts.ts'
import type { Proof } from '../bearer-token.ts'
import { counters, wordsOf } from './series.ts'

/** Why a door turned somebody away unread: the node was behind, or the door had too many connections. */
export type ShedReason = 'lag' | 'connections'
export type Unproven = Exclude<Proof, 'right'>
/** What of a peer's counts is not merged. */
type Unmerged = Exclude<keyof MergeResult, 'raised' | 'futureMs'>

const SHED = wordsOf<ShedReason>({ lag: true, connections: true })
const UNPROVEN = wordsOf<Unproven>({ missing: true, wrong: true })
const UNMERGED = wordsOf<Unmerged>({ expired: true, future: true, foreign: true, violations: true })

/** Counts of whom and what a node turns away. */
export class TurnedAway {
  readonly #shed: Record<ShedReason, Counter.Internal>
  readonly #unauthorized: Record<Unproven, Counter.Internal>
  readonly #counts: Record<Unmerged, Counter.Internal>
  readonly #peers: Counter

  constructor(registers: Registry[]) {
    this.#shed = counters(SHED, 'reason', {
      name: 'rate_limiter_shed_total',
      help: 'Requests and connections turned away because there were too many.',
      registers,
    })
    this.#unauthorized = counters(UNPROVEN, 'reason', {
      name: 'rate_limiter_unauthorized_total',
      help: 'Requests to the admin door without a token that opens it.',
      registers,
    })
    this.#counts = counters(UNMERGED, 'reason', {
      name: 'rate_limiter_counts_refused_total',
      help: 'Counts that peers told of and that were not merged.',
      registers,
    })
    this.#peers = new Counter({
      name: 'rate_limiter_peers_distrusted_total',
      help: 'Peers cut off for a while because of frames that made no sense.',
      registers,
    })
  }

  shed(reason: ShedReason): void {
    this.#shed[reason].inc()
  }

  unauthorized(reason: Unproven): void {
    this.#unauthorized[reason].inc()
  }

  counts(result: MergeResult): void {
    for (const reason of UNMERGED) {
      if (result[reason] > 0) this.#counts[reason].inc(result[reason])
    }
  }

  peer(): void {
    this.#peers.inc()
  }
}
