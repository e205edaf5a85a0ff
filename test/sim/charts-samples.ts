import { admissionsOverTime } from '../../sim/charts/admissions-over-time.ts'
import { barsWithBound } from '../../sim/charts/bars-with-bound.ts'
import { comparison } from '../../sim/charts/comparison.ts'
import { convergence } from '../../sim/charts/convergence.ts'
import type { FaultMark } from '../../sim/charts/fault-marks.ts'
import { heatmap } from '../../sim/charts/heatmap.ts'
import { linesAgainstN } from '../../sim/charts/lines-against-n.ts'
import { overshootOverTime } from '../../sim/charts/overshoot-over-time.ts'
import type { Figure } from '../../sim/charts/report.ts'
import type { Point } from '../../sim/charts/thin.ts'
import { timeUntilAllKnow } from '../../sim/charts/time-until-all-know.ts'

// One figure of each kind, over invented but plausible data.

const faults: readonly FaultMark[] = [
  { type: 'during', label: 'split 2 / 1', fromS: 4, toS: 12 },
  { type: 'at', label: 'node c killed', atS: 5 },
  { type: 'during', label: 'owner paused', fromS: 18.2, toS: 19.6 },
]

function line(count: number, y: (x: number) => number, step = 1): Point[] {
  return Array.from({ length: count }, (_, index) => ({ x: index * step, y: y(index * step) }))
}

const logistic = (nodes: number) =>
  line(100, (ms) => 1 / (1 + (nodes - 1) * Math.exp(-ms / 200)), 30)

const sizes = [3, 10, 100, 1000]
const overSizes = (y: (nodes: number) => number) => sizes.map((x) => ({ x, y: y(x) }))

export const sampleFigures: readonly Figure[] = [
  {
    id: 'admissions',
    title: 'Admitted in a split',
    caption: 'Both policies stay inside the shaded room.',
    spec: admissionsOverTime({
      series: [
        { name: 'share', points: line(400, (s) => 100 * s, 0.05) },
        { name: 'majority', points: line(400, (s) => 110 * s, 0.05) },
      ],
      burst: 100,
      ratePerS: 100,
      bound: 267,
      faults,
    }),
  },
  {
    id: 'overshoot',
    title: 'Overshoot',
    caption: 'It stays below the dashed line.',
    spec: overshootOverTime({
      series: [{ name: 'majority', points: line(400, (s) => 40 * Math.sin(s), 0.05) }],
      bound: 66.7,
      faults,
    }),
  },
  {
    id: 'convergence',
    title: 'How fast an admission is known',
    caption: 'Solid is measured, dashed is the formula.',
    spec: convergence([
      { name: '10 nodes', points: logistic(11), formula: logistic(10) },
      { name: '1000 nodes', points: logistic(1100), formula: logistic(1000) },
    ]),
  },
  {
    id: 'all-know',
    title: 'Time until all know',
    caption: 'It grows with the logarithm of the size.',
    spec: timeUntilAllKnow([
      {
        name: 'gossip',
        points: overSizes((n) => 260 + 270 * Math.log(n)),
        formula: overSizes((n) => 250 + 270 * Math.log(n)),
      },
    ]),
  },
  {
    id: 'gossip',
    title: 'Staleness by interval and fanout',
    caption: 'More peers help less and less.',
    spec: heatmap({
      columns: { title: 'fanout, peers', values: [1, 2, 4] },
      rows: { title: 'gossip interval, ms', values: [100, 1000] },
      values: [
        [530, 334.4, 228],
        [5300, 3344, null],
      ],
      valueTitle: '99th percentile of staleness, ms',
      scale: 'log',
    }),
  },
  {
    id: 'bounds',
    title: 'Worst overshoot beside its bound',
    caption: 'A bar ends before its tick.',
    spec: barsWithBound({
      bars: [
        { name: 'steady, 10× the limit', measured: 0, bound: 0 },
        { name: 'owner killed', measured: 49.8, bound: 51 },
        { name: 'planted defect', measured: 187, bound: 183 },
      ],
      valueTitle: 'overshoot, tokens',
    }),
  },
  {
    id: 'bounds-log',
    title: 'The same over powers of ten',
    caption: 'Bars start at the least value.',
    spec: barsWithBound({
      bars: [
        { name: 'steady', measured: 0, bound: 0 },
        { name: 'open split', measured: 12_345, bound: 20_100 },
      ],
      valueTitle: 'overshoot, tokens',
      scale: 'log',
    }),
  },
  {
    id: 'bytes',
    title: 'Bytes per node',
    caption: 'They stop growing.',
    spec: linesAgainstN({
      series: [
        { name: 'sent', points: overSizes((n) => 16_000 * (1 - 1 / n)) },
        { name: 'received', points: overSizes((n) => 15_000 * (1 - 1 / n)) },
      ],
      valueTitle: 'bytes per second and node',
      scale: 'log',
    }),
  },
  {
    id: 'architectures',
    title: 'Architectures',
    caption: 'Up and left is better.',
    spec: comparison({
      contenders: [
        { name: 'Weir', x: 0.9, y: 0.995, highlight: true },
        { name: 'central Redis', x: 2.4, y: 1 },
        { name: 'local split', x: 0.05, y: 0.62 },
      ],
      x: { title: '99th percentile of latency, ms', scale: 'log' },
      y: { title: 'accuracy', format: 'percent' },
    }),
  },
]
