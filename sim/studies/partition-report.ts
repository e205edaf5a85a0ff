import { PARTITION_HOLD_MS } from '../../cluster/limits.ts'
import type { Standing } from '../../cluster/partition-policy.ts'
import { admissionsOverTime } from '../charts/admissions-over-time.ts'
import { barsWithBound } from '../charts/bars-with-bound.ts'
import type { FaultMark } from '../charts/fault-marks.ts'
import { heatmap } from '../charts/heatmap.ts'
import { numberText } from '../charts/number-text.ts'
import { overshootOverTime } from '../charts/overshoot-over-time.ts'
import type { Fact, Figure, Report, Table } from '../charts/report.ts'
import { B, R } from '../scenarios/scenario.ts'
import type { FloodRun, GentleRun, Split } from './partition-runs.ts'
import { SPLIT_AT_MS, SPLIT_MS, type SplitRun } from './split-run.ts'
import type { StudyOptions } from './study.ts'
import { listText, percentText, rounded } from './words.ts'

/** Runs of one split whose policies promise the same, so that one picture can hold them. */
interface Group {
  readonly split: Split
  readonly bound: number
  readonly runs: readonly FloodRun[]
}

export function partitionReport(
  { nodes, command }: StudyOptions & { readonly nodes: number },
  floods: readonly FloodRun[],
  gentle: readonly GentleRun[],
): Report {
  const groups = groupsOf(floods)
  return {
    title: `A split of ${SPLIT_MS / 1_000} s in a cluster of ${nodes}`,
    lead: leadOf(nodes, floods, gentle),
    command,
    facts: factsOf(floods, gentle),
    figures: [
      boundsFigure(floods),
      refusalsFigure(gentle),
      ...groups.flatMap((group) => [admittedFigure(group), overshootFigure(group)]),
    ],
    tables: [boundsTable(floods), refusalsTable(gentle), standingsTable(floods)],
  }
}

function leadOf(nodes: number, floods: readonly FloodRun[], gentle: readonly GentleRun[]): string {
  const kept = floods.every(({ run, bound }) => run.overshoot <= bound)
  const worst = floods.reduce((a, b) => (tightness(b) > tightness(a) ? b : a))
  const lossless = gentle.filter(({ onOtherSide }) => onOtherSide.wrongOnOtherSide < 0.005)
  const costs = gentle
    .filter((one) => !lossless.includes(one))
    .map((one) => `${percentText(one.onOtherSide.wrongOnOtherSide)} under ${one.policy}`)
  const free = lossless.map(({ policy }) => policy)
  return [
    `A cluster of ${nodes} is cut apart for ${SPLIT_MS / 1_000} s while one key with a limit of ${R} per second and a burst of ${B} is asked for ten times as much.`,
    kept
      ? `No policy admitted more than its bound; the nearest was ${worst.policy}, ${worst.split.name}, with ${numberText(worst.run.overshoot)} of ${numberText(worst.bound)} tokens.`
      : `A bound was broken: ${worst.policy}, ${worst.split.name}, went ${numberText(worst.run.overshoot)} tokens above the limit, where ${numberText(worst.bound)} were promised.`,
    costs.length === 0
      ? 'When no more was asked for than the limit allows, nothing was refused on the side without the owner.'
      : `The price is refusals: of checks that the limit had room for, all asked on the side without the owner, ${listText(costs)} were refused${free.length > 0 ? `, and none under ${listText(free)}` : ''}.`,
  ].join(' ')
}

function factsOf(floods: readonly FloodRun[], gentle: readonly GentleRun[]): Fact[] {
  const overshoots = floods
    .filter(({ policy }) => policy === 'majority' || floods.every((one) => one.policy === policy))
    .map(({ split, policy, run, bound }) => ({
      label: `tokens above the limit under ${policy}, ${split.name}; its bound is ${numberText(bound)}`,
      value: numberText(run.overshoot),
    }))
  const refused = gentle
    .filter(({ policy }) => policy === 'majority' || gentle.length === 1)
    .map(({ policy, onOtherSide }) => ({
      label: `refused wrongly under ${policy} if all demand, just the limit, is away from the owner`,
      value: percentText(onOtherSide.wrongOnOtherSide),
    }))
  const tightest = Math.max(...floods.map(tightness))
  return [
    ...overshoots,
    ...refused,
    { label: 'of its bound at most, over all policies', value: boundShareText(tightest) },
  ]
}

function boundsFigure(floods: readonly FloodRun[]): Figure {
  return {
    id: 'bounds',
    title: 'Overshoot of each policy, and its bound',
    caption:
      'The most that the cluster as a whole was above the limit at any time, when asked for ten times the limit everywhere. The mark is the bound. Mind the logarithmic scale.',
    spec: barsWithBound({
      bars: floods.map(({ split, policy, run, bound }) => ({
        name: `${policy}, ${split.name}`,
        measured: rounded(run.overshoot, 1),
        bound: rounded(bound, 1),
      })),
      valueTitle: 'overshoot, tokens',
      scale: 'log',
    }),
  }
}

const PLACES: readonly {
  readonly name: string
  readonly share: (runs: GentleRun) => number
}[] = [
  { name: "even demand, owner's side", share: ({ even }) => even.wrongOnOwnerSide },
  { name: 'even demand, other side', share: ({ even }) => even.wrongOnOtherSide },
  {
    name: "all on the owner's side",
    share: ({ onOwnerSide }) => onOwnerSide.wrongOnOwnerSide,
  },
  {
    name: 'all on the other side',
    share: ({ onOtherSide }) => onOtherSide.wrongOnOtherSide,
  },
  { name: 'each alone, the owner', share: ({ alone }) => alone.wrongOnOwnerSide },
  { name: 'each alone, the others', share: ({ alone }) => alone.wrongOnOtherSide },
]

function refusalsFigure(gentle: readonly GentleRun[]): Figure {
  return {
    id: 'refusals',
    title: 'Refused wrongly',
    caption:
      'Share of the checks asked during the split that were refused although the limit had room for them. Here only as much is asked for as the limit allows, so an ideal limiter refuses nothing.',
    spec: heatmap({
      columns: { title: 'policy', values: gentle.map(({ policy }) => policy) },
      rows: { title: 'where the demand is', values: PLACES.map(({ name }) => name) },
      values: PLACES.map(({ share }) => gentle.map((runs) => rounded(share(runs) * 100, 1))),
      valueTitle: 'refused wrongly, % of the checks asked',
      digits: 2,
    }),
  }
}

function admittedFigure({ split, bound, runs }: Group): Figure {
  return {
    id: `admitted-${split.id}-${runs[0]?.policy}`,
    title: `Admitted under ${namesOf(runs)}, ${split.name}`,
    caption: `All that the cluster admitted. No ideal limiter crosses the dark line; the bound allows ${numberText(bound)} tokens more.${sameText(runs)}`,
    spec: admissionsOverTime({
      series: runs.map(({ policy, run }) => ({ name: policy, points: run.cumulative })),
      burst: B,
      ratePerS: R,
      bound: rounded(bound, 1),
      faults: marksOf(split, runs),
    }),
  }
}

function overshootFigure({ split, bound, runs }: Group): Figure {
  return {
    id: `overshoot-${split.id}-${runs[0]?.policy}`,
    title: `Overshoot under ${namesOf(runs)}, ${split.name}`,
    caption: `The level of an ideal meter of everything admitted, minus the burst: at 0 the limit is used to the full. It falls only while less is admitted than drains; as the key is in demand all the time, what was in excess and is forgotten stays on the meter.${sameText(runs)}`,
    spec: overshootOverTime({
      series: runs.map(({ policy, run }) => ({ name: policy, points: run.level })),
      bound: rounded(bound, 1),
      faults: marksOf(split, runs),
    }),
  }
}

/** Which lines lie on each other. */
function sameText(runs: readonly FloodRun[]): string {
  const same = runs.filter(({ run }) => runs.some((one) => one.run !== run && isSame(one.run, run)))
  return same.length === 0 ? '' : ` The lines of ${namesOf(same)} are one.`
}

function isSame(a: SplitRun, b: SplitRun): boolean {
  return a.admitted === b.admitted && a.overshoot === b.overshoot
}

function marksOf({ name }: Split, runs: readonly FloodRun[]): FaultMark[] {
  const held = runs.flatMap(({ run: { heldUntilS } }): FaultMark[] =>
    heldUntilS === undefined
      ? []
      : [{ type: 'at', label: 'hold over: the majority enforces all of it', atS: heldUntilS }],
  )
  const [fromS, toS] = [SPLIT_AT_MS / 1_000, (SPLIT_AT_MS + SPLIT_MS) / 1_000]
  return [{ type: 'during', label: `split, ${name}`, fromS, toS }, ...held]
}

function boundsTable(floods: readonly FloodRun[]): Table {
  return {
    title: 'Bounds and what was measured',
    caption:
      'In tokens. W is the share of the N members on the side of the owner, W_maj on the largest side, P the number of sides, t = 2 s until members suspect each other, s = 0.75 s until a stand-in counts a silent peer as gone, T the length of the split, and the hold 10 s, after which only a side with a majority adds anything.',
    columns: [
      { label: 'split' },
      { label: 'policy' },
      { label: 'bound' },
      { label: 'formula' },
      { label: 'overshoot' },
      { label: 'of bound' },
      { label: 'admitted' },
      { label: 'ideal' },
    ].map((column, index) => (index === 5 ? { ...column, align: 'right' as const } : column)),
    rows: floods.map((one) => [
      unbroken(one.split.name),
      one.policy,
      rounded(one.bound, 1),
      one.formula,
      rounded(one.run.overshoot, 1),
      boundShareText(tightness(one)),
      one.run.admitted,
      one.run.ideal,
    ]),
  }
}

function refusalsTable(gentle: readonly GentleRun[]): Table {
  return {
    title: 'Admitted when only the limit is asked for',
    caption: 'Tokens of the whole run, of those asked for.',
    columns: [
      { label: 'policy' },
      { label: 'even demand' },
      { label: "all on the owner's side" },
      { label: 'all on the other side' },
      { label: 'each alone' },
    ].map((column, index) => (index === 0 ? column : { ...column, align: 'right' as const })),
    rows: gentle.map(({ policy, ...runs }) => [
      policy,
      ...[runs.even, runs.onOwnerSide, runs.onOtherSide, runs.alone].map(ofAsked),
    ]),
  }
}

function ofAsked({ admitted, asked }: SplitRun): string {
  return `${numberText(admitted)} of ${numberText(asked)}`
}

function standingsTable(floods: readonly FloodRun[]): Table {
  const holdS = PARTITION_HOLD_MS / 1_000
  return {
    title: 'What a side may admit',
    caption: `By the nodes' own view of the split, ${holdS / 2} s and ${holdS * 2} s after it began.`,
    columns: [
      { label: 'split' },
      { label: 'policy' },
      { label: 'side' },
      { label: `after ${holdS / 2} s` },
      { label: `after ${holdS * 2} s` },
    ],
    rows: floods.flatMap(({ split, policy, run }) =>
      run.standings.map(({ side, duringHold, afterHold }) => [
        unbroken(split.name),
        policy,
        side === 'owner side' ? "the owner's" : 'the other',
        standingText(duringHold),
        standingText(afterHold),
      ]),
    ),
  }
}

function standingText(standing: Standing): string {
  switch (standing.type) {
    case 'whole':
    case 'full':
      return 'the whole limit'
    case 'closed':
      return 'nothing'
    case 'share':
      return `${standing.share.reached}/${standing.share.members} of the limit`
  }
}

function groupsOf(floods: readonly FloodRun[]): Group[] {
  const groups = new Map<string, FloodRun[]>()
  for (const flood of floods) {
    const name = `${flood.split.id} ${flood.bound}`
    groups.set(name, [...(groups.get(name) ?? []), flood])
  }
  return [...groups.values()].flatMap((runs) => {
    const [first] = runs
    return first === undefined ? [] : [{ split: first.split, bound: first.bound, runs }]
  })
}

function namesOf(runs: readonly FloodRun[]): string {
  return listText(runs.map(({ policy }) => policy))
}

function tightness({ run, bound }: FloodRun): number {
  return bound > 0 ? run.overshoot / bound : 0
}

/** Rounded down, as everywhere: what is nearly a whole bound is not all of it. */
function boundShareText(share: number): string {
  return `${Math.floor(share * 100)}%`
}

/** On one line. */
function unbroken(text: string): string {
  return text.replaceAll(' ', '\u00a0')
}
