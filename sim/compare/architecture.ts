import type { CompareOptions } from './options.ts'
import type { Phase } from './timeline.ts'
import type { Arrival } from './workload.ts'

/** A way to limit rates, with everything it needs to be tried on a scenario. */
export interface Architecture {
  readonly name: string
  /** How it works and who does so, in one sentence. */
  readonly describe: string
  /** What it does when its servers cannot reach each other, in one sentence. */
  readonly inSplit: string
  run(scenario: Scenario): Run
}

export interface Scenario {
  readonly options: CompareOptions
  readonly phases: readonly Phase[]
  readonly arrivals: readonly Arrival[]
}

/** `failed`: the caller was told that the limiter cannot say, or was told nothing. */
export type Outcome = 'allowed' | 'refused' | 'failed'

export interface Answered {
  readonly outcome: Outcome
  readonly atMs: number
}

/** Tokens let through, at the instant of the decision, whether or not the answer reached anybody. */
export interface Admitted {
  readonly atMs: number
  readonly key: string
  readonly cost: number
}

/** What came of a scenario. All times count from the start of the workload, in milliseconds. */
export interface Run {
  /** As the arrivals, one each; undefined if no answer ever came. */
  readonly answers: readonly (Answered | undefined)[]
  /** In order of time. */
  readonly admissions: readonly Admitted[]
  /** Messages put on the network in each phase, in the order of phases: questions, answers, relays, all there are. */
  readonly messages: readonly number[]
}

export function outcomeOf(allowed: boolean): Outcome {
  return allowed ? 'allowed' : 'refused'
}
