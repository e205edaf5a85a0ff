import type { MergeResult } from '../crdt/counts.ts'
import type { Proof } from './bearer-token.ts'
import { wordsOf } from './closed-set.ts'

/** Why a door turned somebody away unread: the node was behind, or the door had too many connections. */
export type ShedReason = 'lag' | 'connections'
export type Unproven = Exclude<Proof, 'right'>
/** What of a peer's counts is not merged. */
type Unmerged = Exclude<keyof MergeResult, 'raised'>

const SHED = wordsOf<ShedReason>({ lag: true, connections: true })
const UNPROVEN = wordsOf<Unproven>({ missing: true, wrong: true })
const UNMERGED = wordsOf<Unmerged>({ expired: true, future: true, foreign: true, violations: true })

interface Tally {
  inc(by?: number): void
}

/** How counters are made, each child of which exists from the start. */
export interface CounterMaker {
  one(name: string, help: string): Tally
  each<Word extends string>(name: string, help: string, words: readonly Word[]): Record<Word, Tally>
}

/** Counts of whom and what a node turns away. */
export class TurnedAway {
  readonly #shed: Record<ShedReason, Tally>
  readonly #unauthorized: Record<Unproven, Tally>
  readonly #counts: Record<Unmerged, Tally>
  readonly #peers: Tally

  constructor(make: CounterMaker) {
    this.#shed = make.each(
      'rate_limiter_shed_total',
      'Requests and connections turned away because there were too many.',
      SHED,
    )
    this.#unauthorized = make.each(
      'rate_limiter_unauthorized_total',
      'Requests to the admin door without a token that opens it.',
      UNPROVEN,
    )
    this.#counts = make.each(
      'rate_limiter_counts_refused_total',
      'Counts that peers told of and that were not merged.',
      UNMERGED,
    )
    this.#peers = make.one(
      'rate_limiter_peers_distrusted_total',
      'Peers cut off for a while because of frames that made no sense.',
    )
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
