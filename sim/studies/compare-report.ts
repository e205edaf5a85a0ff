import type { OnPartition } from '../../src/limiter/policy.ts'
import { admissionsOverTime } from '../charts/admissions-over-time.ts'
import { barsWithBound } from '../charts/bars-with-bound.ts'
import { comparison } from '../charts/comparison.ts'
import type { FaultMark } from '../charts/fault-marks.ts'
import { numberText } from '../charts/number-text.ts'
import type { Fact, Figure, Report } from '../charts/report.ts'
import { BIN_MS, type Comparison, IDEAL, type Row, type Summary } from '../compare/compare.ts'
import { phaseNamed } from '../compare/timeline.ts'
import { weirMajority, weirShare } from '../compare/weir.ts'
import { boundOfSplit, two } from '../scenarios/splits.ts'
import { compareTables } from './compare-tables.ts'
import type { StudyOptions } from './study.ts'
import { msText, rounded, tenthsText } from './words.ts'

/** Whose admissions are drawn over time: no more than there are colours. */
const DRAWN: readonly string[] = [
  weirMajority.name,
  weirShare.name,
  'central store, fails open',
  'central store, fails closed',
  'central store with leases',
  'gossip only',
]
/** The formulas of the scenarios are for R = B = 100, as is the comparison. */
const POLICIES: Readonly<Record<string, OnPartition>> = {
  [weirMajority.name]: 'majority',
  [weirShare.name]: 'share',
}
const STORE = 'central store, fails closed'

export function compareReport({ command }: StudyOptions, found: Comparison): Report {
  return {
    title: 'Weir beside other architectures',
    lead: leadOf(found),
    command,
    facts: factsOf(found),
    figures: [
      accuracyFigure(found),
      overshootFigure(found),
      admittedFigure(found),
      messagesFigure(found),
    ],
    tables: compareTables(found),
  }
}

function leadOf(found: Comparison): string {
  const { options, phases } = found
  const seconds = (phases.at(-1)?.toMs ?? 0) / 1_000
  const weir = summaryOf(found, weirMajority.name)
  const others = found.summaries.filter(({ architecture }) => !isWeir(architecture))
  const best = others.reduce((a, b) => (b.accuracy > a.accuracy ? b : a))
  const healthy = rowOf(found, weirMajority.name, 'healthy')
  const store = rowOf(found, STORE, 'healthy')
  const outage = rowOf(found, weirMajority.name, 'outage')
  const gossip = rowOf(found, 'gossip only', 'outage')
  const split = rowOf(found, weirMajority.name, 'split')
  const share = rowOf(found, weirShare.name, 'split')
  return [
    `${numberText(found.checks)} checks at ${options.nodes} servers within ${seconds} s, in which the part that matters most is lost for a while, and later the servers are split.`,
    `Over all of it Weir decides as one ideal limiter would in ${tenthsText(weir.accuracy)} of what that admits; the best of the others, ${best.architecture}, in ${tenthsText(best.accuracy)}.`,
    `What does not flatter Weir: while all is well it is no better than a central store. Both cross the network once, ${msText(healthy.p99Ms)} against ${msText(store.p99Ms)} at the 99th percentile, and Weir sends more, ${numberText(healthy.messagesPerCheck, 2)} messages a check against ${numberText(store.messagesPerCheck, 2)}.`,
    `When an owner dies without a word, ${tenthsText(1 - outage.accuracy)} of accuracy are lost in the outage, because its share is held back until membership has decided, and the slowest answers wait for timeouts: ${msText(outage.p99Ms)}. Gossip alone, where nobody is special, loses ${gossip.accuracy > 0.9995 ? 'nothing then' : tenthsText(1 - gossip.accuracy)}.`,
    `In the split, majority went ${numberText(split.overshoot)} tokens above the limit, by choice, and share ${numberText(share.overshoot, 2)}.`,
    'Whatever decides on the spot, without asking anybody, is faster.',
  ].join(' ')
}

function factsOf(found: Comparison): Fact[] {
  const weir = summaryOf(found, weirMajority.name)
  const healthy = rowOf(found, weirMajority.name, 'healthy')
  const outage = rowOf(found, weirMajority.name, 'outage')
  const storeOutage = rowOf(found, STORE, 'outage')
  return [
    { label: 'accuracy of Weir over the whole run', value: tenthsText(weir.accuracy) },
    {
      label: `accuracy of Weir while an owner is gone; of the store, closed: ${tenthsText(storeOutage.accuracy)}`,
      value: tenthsText(outage.accuracy),
    },
    { label: '99th percentile of Weir while all is well', value: msText(healthy.p99Ms) },
    {
      label: 'messages a check while all is well; a central store takes 2',
      value: numberText(healthy.messagesPerCheck, 2),
    },
  ]
}

function accuracyFigure({ summaries }: Comparison): Figure {
  const least = Math.min(...summaries.map(({ accuracy }) => accuracy))
  return {
    id: 'accuracy',
    title: 'Accuracy and latency over the whole run',
    caption:
      'Up and to the left is better. Latency is the 99th percentile over all phases, of virtual time: 50 ms are timeouts of a store that is gone. An answer on the spot takes no time, and no one was asked.',
    spec: comparison({
      contenders: summaries.map(({ architecture, accuracy, p99Ms }) => ({
        name: architecture,
        x: p99Ms,
        y: accuracy,
        highlight: isWeir(architecture),
      })),
      x: { title: '99th percentile of latency, ms' },
      y: {
        title: 'accuracy',
        format: 'percent',
        range: [Math.floor(least * 20 - 0.5) / 20, 1.015],
      },
    }),
  }
}

function overshootFigure(found: Comparison): Figure {
  const { summaries } = found
  return {
    id: 'overshoot',
    title: 'Overshoot of the worst key',
    caption:
      "How far everything that was admitted of one key was above its limit, at most. The marks are Weir's bounds for this split; the others promise none. What does not go above may be refused instead: see the tables. Mind the logarithmic scale.",
    spec: barsWithBound({
      bars: summaries.map(({ architecture, overshoot }) => ({
        name: architecture,
        measured: Number(overshoot.toFixed(1)),
        ...boundOf(architecture, found),
        quiet: !isWeir(architecture),
      })),
      valueTitle: 'overshoot, tokens',
      scale: 'log',
    }),
  }
}

function messagesFigure({ summaries, rows }: Comparison): Figure {
  return {
    id: 'messages',
    title: 'Messages per check while all is well',
    caption:
      "Everything on the network, both ways and background included. A check at its key's owner costs Weir nothing, one elsewhere a question and an answer; heartbeats and counts come on top, and weigh the less the more is asked.",
    spec: barsWithBound({
      bars: summaries.map(({ architecture }) => ({
        name: architecture,
        measured: Number(
          (
            rows.find((row) => row.architecture === architecture && row.phase === 'healthy')
              ?.messagesPerCheck ?? 0
          ).toFixed(2),
        ),
        quiet: !isWeir(architecture),
      })),
      valueTitle: 'messages per check',
    }),
  }
}

function admittedFigure({ options, phases, series }: Comparison): Figure {
  const { rate, burst } = options.limit
  const marks = phases.flatMap(({ name, fromMs, toMs }): FaultMark[] =>
    name === 'outage' || name === 'split'
      ? [{ type: 'during', label: name, fromS: fromMs / 1_000, toS: toMs / 1_000 }]
      : [],
  )
  return {
    id: 'admitted',
    title: 'Admitted of the hot key',
    caption: `All servers together. The key is asked for ${numberText(options.workload.hotPerS)} tokens a second all the time. In the outage the store is gone, or Weir's owner of the key, or a server where all are alike.`,
    spec: admissionsOverTime({
      series: DRAWN.flatMap((name) =>
        series
          .filter(({ architecture }) => architecture === name && name !== IDEAL)
          .map(({ cumulative }) => ({
            name,
            points: [
              { x: 0, y: 0 },
              ...cumulative.map((y, bin) => ({ x: ((bin + 1) * BIN_MS) / 1_000, y })),
            ],
          })),
      ),
      burst,
      ratePerS: (rate.count * 1_000) / rate.periodMs,
      faults: marks,
    }),
  }
}

/** What Weir promises for the split of this comparison. */
function boundOf(
  architecture: string,
  { options, phases }: Comparison,
): { readonly bound?: number } {
  const onPartition = POLICIES[architecture]
  if (onPartition === undefined) return {}
  const { fromMs, toMs } = phaseNamed(phases, 'split')
  const ownerSide = Math.floor(options.nodes / 2) + 1
  const bound = boundOfSplit(two(ownerSide), (toMs - fromMs) / 1_000)
  return { bound: rounded(bound({ nodes: options.nodes, onPartition }), 1) }
}

function isWeir(architecture: string): boolean {
  return architecture === weirMajority.name || architecture === weirShare.name
}

function summaryOf({ summaries }: Comparison, name: string): Summary {
  const found = summaries.find(({ architecture }) => architecture === name)
  if (found === undefined) throw new Error(`${name} was not compared`)
  return found
}

function rowOf({ rows }: Comparison, name: string, phase: Row['phase']): Row {
  const found = rows.find((row) => row.architecture === name && row.phase === phase)
  if (found === undefined) throw new Error(`${name} was not compared`)
  return found
}
