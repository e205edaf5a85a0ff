import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { convergence } from '../charts/convergence.ts'
import { linesAgainstN } from '../charts/lines-against-n.ts'
import type { Measured } from '../charts/measured-and-formula.ts'
import { numberText } from '../charts/number-text.ts'
import type { Figure, Report, Table } from '../charts/report.ts'
import type { Point } from '../charts/thin.ts'
import { timeUntilAllKnow } from '../charts/time-until-all-know.ts'
import type { Convergence, Healed, Lossy } from './convergence-runs.ts'
import {
  type AtOnce,
  atOnceMeanMs,
  atOnceShare,
  atOnceWorstMs,
  hops,
  pushRounds,
  serfRounds,
  serfShare,
} from './epidemic.ts'
import { meanOf, quantile, type Spread, shareThatKnows, untilAllKnowMs } from './spread.ts'
import type { StudyOptions } from './study.ts'
import { msText, percentText, rounded } from './words.ts'

/** Production's mesh degree, and the mean delay of the simulated network. */
const FANOUT = 3
const HOP_MS = 1.1

export function convergenceReport({ command }: StudyOptions, found: Convergence): Report {
  const { spreads, losses, healings } = found
  const largest = spreads.at(-1)
  if (largest === undefined) throw new Error('nothing was measured')
  return {
    title: 'How fast an admission is known everywhere',
    lead: leadOf(spreads, losses, healings),
    command,
    facts: [
      {
        label: `until all of ${numberText(largest.nodes)} nodes know, on average`,
        value: msText(meanOf(untilAllKnowMs(largest))),
      },
      { label: 'the same, 99 of 100 times', value: msText(p99(largest)) },
      {
        label: 'if news were relayed on the tick, by formula',
        value: msText(pushMs(largest.nodes)),
      },
      {
        label: 'until replicas are equal after a split, at most',
        value: msText(Math.max(...healings.map(worstMs))),
      },
    ],
    figures: [
      knownFigure(spreads),
      sizesFigure(spreads),
      relayFigure(largest),
      lossFigure(losses),
      healingFigure(healings),
    ],
    tables: [sizesTable(spreads), lossTable(losses), healingTable(healings)],
  }
}

function leadOf(
  spreads: readonly Spread[],
  losses: readonly Lossy[],
  healings: readonly Healed[],
): string {
  const [least, most] = [spreads[0], spreads.at(-1)] as readonly [Spread, Spread]
  const beside =
    least === most
      ? ''
      : `, and ${least.nodes} nodes after ${msText(meanOf(untilAllKnowMs(least)))}: the size of the cluster hardly matters`
  const heavy = losses.find(({ name }) => name === '30% unheard')
  const late = heavy === undefined ? 0 : p99(heavy.spread)
  const missed = losses.some(({ spread }) => missing(spread) > 0)
  return [
    `An admission is published on its node's next gossip tick, every ${GOSSIP_INTERVAL_MS} ms, and relayed at once.`,
    `So all of ${numberText(most.nodes)} nodes know of it after ${msText(meanOf(untilAllKnowMs(most)))} on average${beside}, because only the tick is waited for.`,
    `Relayed on the tick, as in most gossip protocols, ${numberText(most.nodes)} nodes would take ${msText(pushMs(most.nodes))}.`,
    `Where every frame goes unheard by three in ten nodes, 99 of 100 admissions are still known everywhere within ${msText(late)}${missed ? ', and some were never told to all' : ''}.`,
    `After a split all replicas are equal within ${msText(Math.max(...healings.map(worstMs)))}.`,
  ].join(' ')
}

function atOnce(nodes: number): AtOnce {
  return { nodes, fanout: FANOUT, intervalMs: GOSSIP_INTERVAL_MS, hopMs: HOP_MS }
}

function pushMs(nodes: number): number {
  return pushRounds(nodes, FANOUT) * GOSSIP_INTERVAL_MS
}

function serfMs(nodes: number): number {
  return serfRounds(nodes, FANOUT) * GOSSIP_INTERVAL_MS
}

function p99(spread: Spread): number {
  return quantile(untilAllKnowMs(spread), 0.99)
}

/** Admissions that somebody never came to know of. */
function missing(spread: Spread): number {
  return spread.heardMs.length - untilAllKnowMs(spread).length
}

/** A curve over time, in steps that a screen can show. */
function curve(endMs: number, share: (afterMs: number) => number): Point[] {
  const steps = 240
  return Array.from({ length: steps + 1 }, (_, step) => {
    const x = (endMs * step) / steps
    return { x, y: share(x) }
  })
}

function knownFigure(spreads: readonly Spread[]): Figure {
  const endMs = 1.3 * GOSSIP_INTERVAL_MS
  const formula = (nodes: number) => curve(endMs, (ms) => atOnceShare(atOnce(nodes), ms))
  return {
    id: 'known',
    title: 'Share of nodes that know, by the time since the admission',
    caption: `Mean of ${spreads[0]?.heardMs.length} admissions at all phases of the gossip interval. The dashed lines are the formula: what waits for its tick is spread evenly over one interval of ${GOSSIP_INTERVAL_MS} ms. All sizes run together, because a hop takes a millisecond and a tick half a second; a small cluster starts higher, since the node that admitted is a larger part of it.`,
    spec: convergence(
      [spreads[0], spreads.at(-1)].flatMap((spread): Measured[] =>
        spread === undefined
          ? []
          : [
              {
                name: `${numberText(spread.nodes)} nodes`,
                points: curve(endMs, (ms) => shareThatKnows(spread, ms)),
                formula: formula(spread.nodes),
              },
            ],
      ),
    ),
  }
}

function sizesFigure(spreads: readonly Spread[]): Figure {
  const sizes = spreads.map(({ nodes }) => nodes)
  const over = (ms: (nodes: number) => number) => sizes.map((x) => ({ x, y: ms(x) }))
  return {
    id: 'until-all-know',
    title: 'Time until all nodes know, by size',
    caption:
      'Weir publishes on the tick and relays at once: g/2 on average and g at worst, plus hops. The two upper lines are formulas for gossip that is relayed on the tick with the same interval and fanout: push rounds, and the model of Serf until 99.99% know.',
    spec: timeUntilAllKnow([
      {
        name: 'Weir, mean',
        points: spreads.map((one) => ({ x: one.nodes, y: meanOf(untilAllKnowMs(one)) })),
        formula: over((nodes) => atOnceMeanMs(atOnce(nodes))),
      },
      {
        name: 'Weir, 99th percentile',
        points: spreads.map((one) => ({ x: one.nodes, y: p99(one) })),
        formula: over((nodes) => atOnceWorstMs(atOnce(nodes))),
      },
      { name: 'push on the tick', points: [], formula: over(pushMs) },
      { name: "Serf's model", points: [], formula: over(serfMs) },
    ]),
  }
}

function relayFigure(largest: Spread): Figure {
  const { nodes } = largest
  const endMs = Math.ceil(serfMs(nodes) / 500) * 500
  return {
    id: 'relayed-at-once',
    title: `Relayed at once or on the tick, ${numberText(nodes)} nodes`,
    caption: `The same as above beside the model of Serf's convergence simulator, 1/(1 + (n + 1)·e^(-k·r/2)), for a fanout k of ${FANOUT} and rounds r of ${GOSSIP_INTERVAL_MS} ms, as here, and of 200 ms, Serf's own.`,
    spec: convergence([
      {
        name: 'Weir',
        points: curve(endMs, (ms) => shareThatKnows(largest, ms)),
        formula: curve(endMs, (ms) => atOnceShare(atOnce(nodes), ms)),
      },
      ...[200, GOSSIP_INTERVAL_MS].map((roundMs) => ({
        name: `Serf's model, ${roundMs} ms`,
        points: [],
        formula: curve(endMs, (ms) => serfShare({ nodes, fanout: FANOUT }, ms / roundMs)),
      })),
    ]),
  }
}

function lossFigure(losses: readonly Lossy[]): Figure {
  const nodes = losses[0]?.spread.nodes ?? 0
  const endMs = 2.5 * GOSSIP_INTERVAL_MS
  return {
    id: 'loss',
    title: `Share of admissions that all of ${nodes} nodes know, under loss`,
    caption:
      "A frame is unheard by a node that misses it whatever copies it is handed; a copy that is lost on its way may be made up for by another. Who misses a frame hears its author's next one after a silence of more than 1.5 intervals, and compares counts with the author at once. Who misses several in a row waits the longer.",
    spec: convergence(
      losses.map(({ name, spread }) => {
        const times = untilAllKnowMs(spread)
        const share = (afterMs: number) =>
          times.filter((ms) => ms <= afterMs).length / spread.heardMs.length
        return { name: name.replace(' of copies', ''), points: curve(endMs, share) }
      }),
      'admissions that all nodes know',
    ),
  }
}

function healingFigure(healings: readonly Healed[]): Figure {
  const over = (ms: (healed: Healed) => number) =>
    healings.map((healed) => ({ x: healed.nodes, y: ms(healed) }))
  return {
    id: 'healing',
    title: 'After a split: time until all replicas are equal',
    caption:
      'Two halves are apart for 8 s, and both admit 20 keys. From the moment the network is whole again, with nothing asked any more, until every node holds the same counts; looked at every 10 ms.',
    spec: linesAgainstN({
      series: [
        { name: 'mean', points: over(({ timesMs }) => meanOf(known(timesMs))) },
        { name: 'worst', points: over(worstMs) },
      ],
      valueTitle: 'time until replicas are equal, ms',
    }),
  }
}

function known(timesMs: readonly (number | undefined)[]): number[] {
  return timesMs.filter((ms) => ms !== undefined)
}

function worstMs({ timesMs }: Healed): number {
  return Math.max(0, ...known(timesMs))
}

function sizesTable(spreads: readonly Spread[]): Table {
  return {
    title: 'Time until all nodes know',
    caption: `Milliseconds. g = ${GOSSIP_INTERVAL_MS} ms is the gossip interval, jittered by a tenth and looked at every 10 ms; a hop takes δ = ${HOP_MS} ms on average; h = log2 N are the hops of a mesh of degree ${FANOUT}.`,
    columns: [
      { label: 'nodes', align: 'left' },
      { label: 'mean' },
      { label: 'g/2 + hδ' },
      { label: '99th percentile' },
      { label: 'worst' },
      { label: 'g + hδ' },
      { label: 'hops, h' },
      { label: 'push rounds' },
      { label: 'push on the tick' },
      { label: "Serf's model" },
    ],
    rows: spreads.map((spread) => {
      const { nodes } = spread
      const times = untilAllKnowMs(spread)
      return [
        nodes,
        rounded(meanOf(times)),
        rounded(atOnceMeanMs(atOnce(nodes))),
        rounded(p99(spread)),
        rounded(times.at(-1) ?? 0),
        rounded(atOnceWorstMs(atOnce(nodes))),
        rounded(hops(nodes, FANOUT), 1),
        rounded(pushRounds(nodes, FANOUT), 1),
        rounded(pushMs(nodes)),
        rounded(serfMs(nodes)),
      ]
    }),
  }
}

function lossTable(losses: readonly Lossy[]): Table {
  return {
    title: 'Under loss',
    caption:
      'Milliseconds until all know; how much of what was learnt came by comparing counts rather than by gossip; and the price, in frames that a node sends.',
    columns: [
      { label: 'what is lost' },
      { label: 'mean' },
      { label: '99th percentile' },
      { label: 'worst' },
      { label: 'never known to all' },
      { label: 'learnt by comparing', align: 'right' },
      { label: 'frames per node and second' },
    ],
    rows: losses.map(({ name, spread }) => {
      const times = untilAllKnowMs(spread)
      const learnt = spread.heardMs.reduce((sum, heard) => sum + heard.length, 0)
      return [
        name,
        rounded(meanOf(times)),
        rounded(p99(spread)),
        rounded(times.at(-1) ?? 0),
        missing(spread),
        percentText(spread.repaired / Math.max(1, learnt)),
        rounded(spread.messagesPerS),
      ]
    }),
  }
}

function healingTable(healings: readonly Healed[]): Table {
  return {
    title: 'After a split',
    caption: 'Milliseconds until all replicas are equal, over all seeds.',
    columns: [
      { label: 'nodes', align: 'left' },
      { label: 'runs' },
      { label: 'mean' },
      { label: 'worst' },
    ],
    rows: healings.map((healed) => [
      healed.nodes,
      healed.timesMs.length,
      rounded(meanOf(known(healed.timesMs))),
      rounded(worstMs(healed)),
    ]),
  }
}
