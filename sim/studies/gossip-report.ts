import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { heatmap } from '../charts/heatmap.ts'
import { numberText } from '../charts/number-text.ts'
import type { Figure, Report, Table } from '../charts/report.ts'
import { atOnceWorstMs } from './epidemic.ts'
import { type Death, FANOUTS, type GossipFound, INTERVALS_MS, type Setting } from './gossip-runs.ts'
import { quantile, untilAllKnowMs } from './spread.ts'
import type { StudyOptions } from './study.ts'
import { msText, rounded } from './words.ts'

/** Production's mesh degree, and the mean delay of the simulated network. */
const FANOUT = 3
const HOP_MS = 1.1

type Options = StudyOptions & { readonly nodes: number }

export function gossipReport(options: Options, { settings, deaths }: GossipFound): Report {
  const { nodes, command } = options
  const usual = settingAt(settings, GOSSIP_INTERVAL_MS, FANOUT)
  return {
    title: 'What the gossip interval and the fanout buy',
    lead: leadOf(options, settings, deaths),
    command,
    facts: [
      {
        label: `until all know, 99 of 100 times, every ${GOSSIP_INTERVAL_MS} ms to ${FANOUT} others: the defaults`,
        value: msText(stalenessMs(usual)),
      },
      {
        label: 'frames per node and second at the defaults, relayed ones included',
        value: numberText(usual.spread.messagesPerS),
      },
      {
        label: 'per node and second at the defaults',
        value: `${numberText(usual.spread.bytesPerS / 1_000)} kB`,
      },
      {
        label: 'tokens above the limit, at most, by any death of an owner at any interval',
        value: numberText(Math.max(...deaths.flatMap(({ overshoots }) => overshoots))),
      },
    ],
    figures: [
      grid(settings, {
        id: 'staleness',
        title: `Time until all of ${nodes} nodes know`,
        caption:
          'The 99th percentile. The interval is nearly all of it; hops take a millisecond each. With a fanout of 2 the mesh is hardly more than a ring, and the last node is half way round.',
        valueTitle: 'time until all know, ms',
        value: stalenessMs,
      }),
      grid(settings, {
        id: 'messages',
        title: 'Frames that a node sends',
        caption:
          'Per second, its own and those it relays, with 20 admissions per second in the whole cluster. Half the interval is twice the frames.',
        valueTitle: 'frames per node and second',
        value: ({ spread }) => spread.messagesPerS,
      }),
      grid(settings, {
        id: 'bytes',
        title: 'Bytes that a node sends',
        caption:
          'The same in bytes of frames, without those of the transport. Every frame is a heartbeat, too: most of these bytes say only that a node is alive.',
        valueTitle: 'kB per node and second',
        value: ({ spread }) => spread.bytesPerS / 1_000,
      }),
      deathsFigure(deaths),
    ],
    tables: [deathsTable(deaths), formulasTable(settings, nodes)],
  }
}

function leadOf(
  { nodes }: Options,
  settings: readonly Setting[],
  deaths: readonly Death[],
): string {
  const usual = settingAt(settings, GOSSIP_INTERVAL_MS, FANOUT)
  const fast = settingAt(settings, INTERVALS_MS[0], FANOUT)
  const wide = settingAt(settings, GOSSIP_INTERVAL_MS, FANOUTS[FANOUTS.length - 1] ?? FANOUT)
  const times = (a: Setting, of: (one: Setting) => number) =>
    `${numberText(of(a) / of(usual), 2)} times`
  const frames = ({ spread }: Setting) => spread.messagesPerS
  const kept = deaths.every(({ overshoots, bound }) => overshoots.every((one) => one < bound + 1))
  const [killed] = deaths
  return [
    `In a cluster of ${nodes}, 99 of 100 admissions are known everywhere within ${msText(stalenessMs(usual))} at the defaults, a gossip interval of ${GOSSIP_INTERVAL_MS} ms and a fanout of ${FANOUT}, for ${numberText(frames(usual))} frames per node and second.`,
    `An interval of ${fast.intervalMs} ms brings that down to ${msText(stalenessMs(fast))} and costs ${times(fast, frames)} the frames; a fanout of ${wide.fanout} costs ${times(wide, frames)} the frames and brings it to ${msText(stalenessMs(wide))}.`,
    killed === undefined
      ? ''
      : `The interval matters little for what the death of an owner lets through: replies carry counts, and a busy owner does not wait for its tick. A saturated owner that is killed costs ${tokensText(Math.max(...killed.overshoots))} at most, at any interval.`,
    kept ? 'All stayed within their bounds.' : 'A bound was broken.',
  ].join(' ')
}

function settingAt(settings: readonly Setting[], intervalMs: number, fanout: number): Setting {
  const found = settings.find((one) => one.intervalMs === intervalMs && one.fanout === fanout)
  if (found === undefined) throw new Error(`${intervalMs} ms to ${fanout} was not measured`)
  return found
}

function stalenessMs({ spread }: Setting): number {
  return quantile(untilAllKnowMs(spread), 0.99)
}

function grid(
  settings: readonly Setting[],
  {
    value,
    valueTitle,
    ...figure
  }: Omit<Figure, 'spec'> & {
    readonly value: (setting: Setting) => number
    readonly valueTitle: string
  },
): Figure {
  return {
    ...figure,
    spec: heatmap({
      columns: { title: 'gossip interval, ms', values: INTERVALS_MS.map((ms) => numberText(ms)) },
      rows: { title: 'fanout, peers', values: FANOUTS },
      values: FANOUTS.map((fanout) =>
        INTERVALS_MS.map((intervalMs) => value(settingAt(settings, intervalMs, fanout))),
      ),
      valueTitle,
      scale: 'log',
    }),
  }
}

function deathsFigure(deaths: readonly Death[]): Figure {
  return {
    id: 'deaths',
    title: 'What the death of an owner costs',
    caption:
      'Tokens above the limit, in a cluster of 3 with a limit of 100 per second and a burst of 100. An adversary that asks for a whole burst right after the tick, and kills the owner before the next, gets one burst at any interval; the table has the bounds.',
    spec: heatmap({
      columns: { title: 'gossip interval, ms', values: INTERVALS_MS.map((ms) => numberText(ms)) },
      rows: { title: 'the owner is', values: deaths.map(({ story }) => story) },
      values: deaths.map(({ overshoots }) => overshoots.map((one) => rounded(one, 1))),
      valueTitle: 'overshoot, tokens',
    }),
  }
}

function deathsTable(deaths: readonly Death[]): Table {
  return {
    title: 'The death of an owner, and its bound',
    caption: 'Overshoot in tokens at each gossip interval, the worst of all seeds.',
    columns: [
      { label: 'the owner is' },
      ...INTERVALS_MS.map((ms) => ({ label: `${numberText(ms)} ms` })),
      { label: 'bound' },
      { label: 'formula' },
    ],
    rows: deaths.map(({ story, overshoots, bound, formula }) => [
      story,
      ...overshoots.map((one) => rounded(one, 1)),
      rounded(bound, 1),
      formula,
    ]),
  }
}

function formulasTable(settings: readonly Setting[], nodes: number): Table {
  return {
    title: 'Measured and formula',
    caption: `g is the interval, h the hops (log_(F-1) N for a fanout F above 2, else N/2), δ = ${HOP_MS} ms the mean delay of a hop. A node relays every other node's frames to F peers: (N - 1)·F/g frames. F is the least a node has: whoever picks it after it has picked enough comes on top, which is a fifth to a quarter more.`,
    columns: [
      { label: 'interval, ms', align: 'left' },
      { label: 'fanout' },
      { label: 'all know, ms' },
      { label: 'g + hδ' },
      { label: 'frames/s' },
      { label: '(N - 1)·F/g' },
      { label: 'kB/s' },
      { label: 'bytes per frame' },
    ],
    rows: settings.map((setting) => {
      const { intervalMs, fanout, spread } = setting
      return [
        intervalMs,
        fanout,
        rounded(stalenessMs(setting)),
        rounded(atOnceWorstMs({ nodes, fanout, intervalMs, hopMs: HOP_MS })),
        rounded(spread.messagesPerS, 1),
        rounded(((nodes - 1) * fanout * 1_000) / intervalMs, 1),
        rounded(spread.bytesPerS / 1_000, 1),
        rounded(spread.bytesPerS / spread.messagesPerS),
      ]
    }),
  }
}

/** Below one token it is the rounding of clocks to milliseconds. */
function tokensText(tokens: number): string {
  return tokens < 1 ? 'less than a token' : `${numberText(tokens)} tokens`
}
