import type { Random } from '../../cluster/random.ts'
import type { LimitPolicy, Rule } from '../../src/limiter/policy.ts'
import type { Correction, Span } from '../corrections.ts'
import { type Experiment, nodesOf } from '../experiment.ts'
import type { Arrivals, Flow } from '../workload.ts'
import { oneIn, pick, range, shuffled } from './pick.ts'

/** Checks of a whole run that nobody waits for: five nodes make some ten events of each. */
const CHECKS = 20_000
const KEYS: readonly number[] = [1, 1, 1, 2, 5, 20]
/** How many times a key's rate is asked for. */
const DEMANDS: readonly number[] = [0.5, 1, 2, 5, 20]

type Place = Pick<Experiment, 'nodes' | 'rules' | 'safetyMs'>

/** Each rule is asked for by some clients, one or two kinds of them. */
export function drawWorkload(place: Place, random: Random): Flow[] {
  const kinds = place.rules.map(() => range(1, 2, random))
  const flows = kinds.reduce((sum, count) => sum + count, 0)
  return place.rules.flatMap((rule, index) =>
    Array.from({ length: kinds[index] ?? 1 }, (_, kind) =>
      drawFlow(place, rule, `${rule.name}-k${kind + 1}`, Math.floor(CHECKS / flows), random),
    ),
  )
}

function drawFlow(place: Place, rule: Rule, name: string, checks: number, random: Random): Flow {
  const { safetyMs } = place
  const fromMs = oneIn(3, random) ? random.below(Math.ceil(safetyMs / 2)) : 0
  const untilMs = oneIn(3, random) ? range(Math.ceil(safetyMs * 0.6), safetyMs, random) : safetyMs
  const spanMs = untilMs - fromMs
  const keys = pick(KEYS, random)
  const { arrivals, everyMs } = drawArrivals(spanMs, checks, random)
  const meanCost = (pick(DEMANDS, random) * keys * everyMs * tightestRate(rule)) | 0
  const max = Math.max(1, Math.min(2 * meanCost, costMax(rule)))
  return {
    rule: rule.name,
    keys: { name, count: keys, ...(keys > 1 && oneIn(2, random) ? { zipf: true } : {}) },
    fromMs,
    untilMs,
    arrivals,
    origins: drawOrigins(place, random),
    ...(max > 1 ? { cost: { min: 1, max } } : {}),
    ...drawCorrections(rule, Math.min(checks, Math.ceil(spanMs / everyMs)), max, random),
  }
}

/**
 * A third of all clients do something afterwards, and everybody who holds a slot: they let go of it. Of
 * reservations there are few, for the table that knows which have been settled takes as long to forget as a run.
 */
function drawCorrections(
  { limits }: Rule,
  checks: number,
  costMost: number,
  random: Random,
): Pick<Flow, 'corrections'> {
  const isHeld = limits.some(({ algorithm }) => algorithm?.type === 'concurrency')
  if (isHeld) {
    return {
      corrections: [{ type: 'refund', oneIn: 1, afterMs: pick(DELAYS, random), whole: true }],
    }
  }
  if (!oneIn(3, random)) return {}
  const kinds = shuffled(CORRECTIONS, random).slice(0, range(1, CORRECTIONS.length, random))
  return { corrections: kinds.map((type) => drawCorrection(type, checks, costMost, random)) }
}

function drawCorrection(
  type: Correction['type'],
  checks: number,
  costMost: number,
  random: Random,
): Correction {
  const afterMs = pick(DELAYS, random)
  switch (type) {
    case 'refund':
      return { type, oneIn: pick([1, 2, 10], random), afterMs }
    case 'penalty':
      return { type, oneIn: pick([20, 200], random), cost: { min: 1, max: 2 * costMost } }
    case 'settle':
      return {
        type,
        oneIn: Math.max(1, Math.ceil(checks / RESERVATIONS)),
        afterMs,
        lapsesMs: 2_500,
      }
  }
}

const CORRECTIONS = ['refund', 'penalty', 'settle'] as const
const RESERVATIONS = 40
/** Until a client gives back what it was given. */
const DELAYS: readonly Span[] = [
  { min: 0, max: 20 },
  { min: 50, max: 500 },
  { min: 1_000, max: 3_000 },
]

/** How checks come, and how far they are apart on average. */
function drawArrivals(
  spanMs: number,
  checks: number,
  random: Random,
): { readonly arrivals: Arrivals; readonly everyMs: number } {
  const everyMs = Math.max(1, Math.ceil(spanMs / checks))
  switch (pick(['steady', 'steady', 'bursts', 'clients', 'polite'] as const, random)) {
    case 'steady':
      return { arrivals: { type: 'steady', everyMs }, everyMs }
    case 'bursts': {
      const size = pick([5, 50, 200], random)
      return { arrivals: { type: 'bursts', checks: size, everyMs: size * everyMs }, everyMs }
    }
    case 'clients': {
      const clients = pick([1, 5, 20], random)
      return { arrivals: { type: 'clients', clients, thinkMs: clients * everyMs }, everyMs }
    }
    case 'polite': {
      const clients = pick([2, 10, 50], random)
      return { arrivals: { type: 'polite', clients, thinkMs: clients * everyMs }, everyMs }
    }
  }
}

function drawOrigins({ nodes }: Place, random: Random): Flow['origins'] {
  if (oneIn(4, random)) return 'sticky'
  if (!oneIn(4, random)) return 'anywhere'
  return shuffled(nodesOf({ nodes }), random).slice(0, range(1, 2, random))
}

/** Tokens in a millisecond. */
function tightestRate({ limits }: Rule): number {
  return Math.min(...limits.map(({ rate }: LimitPolicy) => rate.count / rate.periodMs))
}

/** What costs more is rejected and asks nothing of anybody. */
function costMax({ limits }: Rule): number {
  return Math.min(...limits.map(({ burst }) => burst))
}
