import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { type Meter, meterOf } from '../checkers/meter.ts'
import type { Admitted, Outcome, Run, Scenario } from './architecture.ts'
import { MeterHistory } from './meter-history.ts'
import type { Phase, PhaseName } from './timeline.ts'
import type { Arrival } from './workload.ts'
import { refusedWithRoom, type Turned, wronglyRefused } from './wrong-refusals.ts'

/** What callers saw of one architecture in one span of time. A check belongs to the span in which it arrived. */
export interface Figures {
  readonly checks: number
  /**
   * `1 - Σ|a - i| / Σ i` over all keys, at least 0: `a` are the tokens that callers were allowed, `i` those that one
   * ideal bucket a key would have allowed, asked for the same in the same order and in no time. Taking the sum of
   * absolute differences, a key that got too much does not make up for one that got too little.
   */
  readonly accuracy: number
  /** `Σ a / Σ i`: 1 is right, 2 is twice as much. */
  readonly admittedOverIdeal: number
  /**
   * Tokens, of the worst key: how far the ideal meter of everything admitted gets above B, as in
   * `sim/checkers/overshoot.ts`. It runs on from span to span, but what it is above B when one begins is forgiven:
   * each span shows what was admitted in excess in it. By the instant of the decision, not of the arrival.
   */
  readonly overshoot: number
  /**
   * Share of checks that were refused, or failed, and could all have been allowed on top of what was, without
   * exceeding the limit. Each token of room counts once.
   */
  readonly wronglyRefused: number
  /**
   * Share of checks that were refused, or failed, while the true cluster-wide meter had room. Here one idle token
   * counts for every refusal that happened beside it: a meter that is kept a little below B shows as many.
   */
  readonly refusedWithRoom: number
  /** Share of checks that were answered by an error or not at all. */
  readonly failed: number
  /** Of answers, in virtual milliseconds from question to answer; 0 is decided at once, on the spot. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Messages on the network, both ways and background included, for each check. */
  readonly messagesPerCheck: number
}

export interface PhaseFigures extends Figures {
  readonly phase: PhaseName
}

type Span = Omit<Phase, 'name'>

/** A run, and what has been found out about it as a whole. */
interface Measured {
  readonly run: Run
  readonly meters: ReadonlyMap<string, MeterHistory>
  readonly withRoom: readonly Turned[]
  readonly wrong: readonly Turned[]
}

/** Knows what is right for a scenario, and measures runs by it. */
export class Measure {
  readonly #scenario: Scenario
  readonly #ideal: readonly boolean[]

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#ideal = idealAnswers(scenario.arrivals, scenario.options.limit)
  }

  /** What ideal buckets admit, when it was asked for. */
  get idealAdmissions(): Admitted[] {
    return this.#scenario.arrivals.filter((_, index) => this.#ideal[index] === true)
  }

  of(run: Run): { readonly perPhase: readonly PhaseFigures[]; readonly whole: Figures } {
    const { arrivals, options, phases } = this.#scenario
    const meters = metersByKey(run.admissions, options.limit)
    const withRoom = refusedWithRoom(arrivals, run, meters, options.limit)
    const wrong = wronglyRefused(withRoom, run, options.limit)
    const measured = { run, meters, withRoom, wrong }
    const whole: Span = { fromMs: 0, toMs: phases.at(-1)?.toMs ?? 0 }
    const messages = run.messages.reduce((sum, count) => sum + count, 0)
    return {
      perPhase: phases.map((phase, at) => {
        return { phase: phase.name, ...this.#figures(measured, phase, run.messages[at] ?? 0) }
      }),
      whole: this.#figures(measured, whole, messages),
    }
  }

  #figures({ run, meters, withRoom, wrong }: Measured, span: Span, messages: number): Figures {
    const { arrivals } = this.#scenario
    const isIn = (index: number) => {
      const { atMs } = arrivals[index] as Arrival
      return atMs >= span.fromMs && atMs < span.toMs
    }
    const indexes = [...arrivals.keys()].filter(isIn)
    const share = (count: number) => count / Math.max(1, indexes.length)
    const overshoots = [...meters.values()].map((meter) => meter.overshootIn(span))
    return {
      checks: indexes.length,
      ...this.#agreement(run, indexes),
      overshoot: Math.max(0, ...overshoots),
      wronglyRefused: share(wrong.filter(({ index }) => isIn(index)).length),
      refusedWithRoom: share(withRoom.filter(({ index }) => isIn(index)).length),
      failed: share(indexes.filter((index) => outcomeAt(run, index) === 'failed').length),
      ...this.#latency(run, indexes),
      messagesPerCheck: share(messages),
    }
  }

  #agreement(run: Run, indexes: readonly number[]) {
    const keys = new Map<string, { admitted: number; ideal: number }>()
    for (const index of indexes) {
      const { key, cost } = this.#scenario.arrivals[index] as Arrival
      const tokens = keys.get(key) ?? { admitted: 0, ideal: 0 }
      keys.set(key, tokens)
      if (this.#ideal[index] === true) tokens.ideal += cost
      if (outcomeAt(run, index) === 'allowed') tokens.admitted += cost
    }
    let [admitted, ideal, apart] = [0, 0, 0]
    for (const tokens of keys.values()) {
      admitted += tokens.admitted
      ideal += tokens.ideal
      apart += Math.abs(tokens.admitted - tokens.ideal)
    }
    const wanted = Math.max(1, ideal)
    return { accuracy: Math.max(0, 1 - apart / wanted), admittedOverIdeal: admitted / wanted }
  }

  #latency(run: Run, indexes: readonly number[]) {
    const latenciesMs = indexes.flatMap((index) => {
      const answer = run.answers[index]
      return answer === undefined ? [] : [answer.atMs - (this.#scenario.arrivals[index]?.atMs ?? 0)]
    })
    latenciesMs.sort((a, b) => a - b)
    return { p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99) }
  }
}

function outcomeAt(run: Run, index: number): Outcome {
  return run.answers[index]?.outcome ?? 'failed'
}

function metersByKey(admissions: readonly Admitted[], limit: LimitPolicy) {
  const byKey = new Map<string, Admitted[]>()
  for (const admission of admissions) {
    const sameKey = byKey.get(admission.key)
    if (sameKey === undefined) byKey.set(admission.key, [admission])
    else sameKey.push(admission)
  }
  return new Map([...byKey].map(([key, all]) => [key, new MeterHistory(all, limit)]))
}

function idealAnswers(arrivals: readonly Arrival[], limit: LimitPolicy): boolean[] {
  const meters = new Map<string, Meter>()
  return arrivals.map(({ atMs, key, cost }) => {
    const meter = meters.get(key) ?? meterOf(limit)
    meters.set(key, meter)
    // Levels are sums of fractions: a token is not refused for the last bits of one.
    if (meter.levelAt(atMs) + cost > limit.burst + 1e-6) return false
    meter.pass(atMs, cost)
    return true
  })
}

/** Nearest rank; 0 of nothing. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
