import type { Admitted, Architecture, Scenario } from './architecture.ts'
import { centralStoreClosed, centralStoreOpen } from './central-store.ts'
import { gossipOnly } from './gossip.ts'
import { hierarchical } from './hierarchical.ts'
import { leases } from './leases.ts'
import { localSplit, localWhole } from './local.ts'
import { type Figures, Measure } from './measure.ts'
import { COMPARE_DEFAULTS, type CompareOptions } from './options.ts'
import { type Phase, type PhaseName, timeline } from './timeline.ts'
import { weirMajority, weirShare } from './weir.ts'
import { drawWorkload, HOT_KEY } from './workload.ts'

const ARCHITECTURES: readonly Architecture[] = [
  localWhole,
  localSplit,
  centralStoreOpen,
  centralStoreClosed,
  leases,
  hierarchical,
  gossipOnly,
  weirMajority,
  weirShare,
]

/** One architecture in one phase. */
export interface Row extends Figures {
  readonly architecture: string
  readonly phase: PhaseName
}

/** One architecture in the whole run, all phases together. */
export interface Summary extends Figures {
  readonly architecture: string
  readonly describe: string
  readonly inSplit: string
}

/** Tokens of the hot key that had been admitted by the end of each bin of `BIN_MS`, from the start on. */
export interface Series {
  readonly architecture: string
  readonly cumulative: readonly number[]
}

export interface Comparison {
  readonly options: CompareOptions
  readonly phases: readonly Phase[]
  readonly checks: number
  readonly summaries: readonly Summary[]
  /** Each architecture in each phase. */
  readonly rows: readonly Row[]
  /** One for each architecture, and `IDEAL`. */
  readonly series: readonly Series[]
}

export const BIN_MS = 100
/** The name of what one exact bucket would have admitted. */
export const IDEAL = 'ideal'

/**
 * Several architectures of rate limiting on one workload, through one timeline. Everything runs in virtual time: equal
 * options give equal figures. The others are models of a few dozen lines, each without the faults of its products;
 * Weir is the code that ships.
 */
export function compare(
  wanted: Partial<CompareOptions> = {},
  architectures: readonly Architecture[] = ARCHITECTURES,
): Comparison {
  const options = { ...COMPARE_DEFAULTS, ...wanted }
  const phases = timeline(options)
  const scenario: Scenario = { options, phases, arrivals: drawWorkload(options, phases) }
  const measure = new Measure(scenario)
  const endMs = phases.at(-1)?.toMs ?? 0
  const series: Series[] = [
    { architecture: IDEAL, cumulative: cumulate(measure.idealAdmissions, endMs) },
  ]
  const rows: Row[] = []
  const summaries: Summary[] = []
  for (const { name: architecture, describe, inSplit, run } of architectures) {
    const outcome = run(scenario)
    const { perPhase, whole } = measure.of(outcome)
    rows.push(...perPhase.map((figures) => ({ architecture, ...figures })))
    summaries.push({ architecture, describe, inSplit, ...whole })
    series.push({ architecture, cumulative: cumulate(outcome.admissions, endMs) })
  }
  return { options, phases, checks: scenario.arrivals.length, summaries, rows, series }
}

function cumulate(admissions: readonly Admitted[], endMs: number): number[] {
  const bins = Array.from({ length: Math.ceil(endMs / BIN_MS) }, () => 0)
  for (const { atMs, key, cost } of admissions) {
    const bin = Math.floor(atMs / BIN_MS)
    if (key === HOT_KEY && bins[bin] !== undefined) bins[bin] += cost
  }
  let sum = 0
  return bins.map((tokens) => {
    sum += tokens
    return sum
  })
}
