import { ruleHasher } from '../../src/limiter/key-hash.ts'
import { SETTLED_RULE } from '../../src/limiter/settlement.ts'
import { SETTLEMENTS_MAX } from '../corrections.ts'
import type { Experiment } from '../experiment.ts'
import { keyName } from '../ledger.ts'
import { hashKeyOf } from '../simulation.ts'
import type { Flow } from '../workload.ts'

/** The most that an experiment's clients can ask for one key. */
export class Demand {
  readonly #flows: readonly Flow[]
  /** It is none that clients know, but says that one reservation is settled. */
  readonly #isMark: boolean
  /** Somebody asks without end, at the worst moment. */
  readonly #isAmbushed: boolean

  /** `key` is the key's hash in hex. */
  constructor(experiment: Experiment, rule: string, key: string) {
    const hasher = ruleHasher(hashKeyOf(experiment.seed), rule)
    const isMeant = (name: string): boolean => {
      const { hi, lo } = hasher.hash(name)
      return keyName(hi, lo) === key
    }
    this.#isMark = rule === SETTLED_RULE.name
    this.#flows = experiment.workload.filter(
      (flow) => flow.rule === rule && namesOf(flow).some(isMeant),
    )
    this.#isAmbushed = experiment.faults.some(
      (fault) => fault.type === 'ambush' && fault.rule === rule && isMeant(fault.key),
    )
  }

  /** Whether clients give any of it back. */
  get givesBack(): boolean {
    return this.#flows.some(({ corrections = [] }) => {
      return corrections.some(({ type }) => type !== 'penalty')
    })
  }

  /** Tokens asked for in a span of time, at most. A flow of many keys may ask for this one every time. */
  within(fromMs: number, untilMs: number): number {
    if (this.#isAmbushed) return Number.POSITIVE_INFINITY
    if (this.#isMark) return SETTLEMENTS_MAX
    return this.#flows.reduce((sum, flow) => {
      const spanMs = Math.min(untilMs, flow.untilMs) - Math.max(fromMs, flow.fromMs)
      return spanMs < 0 ? sum : sum + checksIn(flow, spanMs) * (flow.cost?.max ?? 1)
    }, 0)
  }
}

function namesOf({ keys: { name, count } }: Flow): readonly string[] {
  if (count === 1) return [name]
  return Array.from({ length: count }, (_, index) => `${name}-${index}`)
}

function checksIn({ arrivals }: Flow, spanMs: number): number {
  switch (arrivals.type) {
    case 'steady':
      // Intervals are jittered down to a half.
      return 1 + Math.floor((2 * spanMs) / arrivals.everyMs)
    case 'bursts':
      return arrivals.checks * (1 + Math.floor(spanMs / arrivals.everyMs))
    case 'clients':
    case 'polite':
      return arrivals.clients * (1 + Math.floor(spanMs / Math.max(1, arrivals.thinkMs)))
  }
}
