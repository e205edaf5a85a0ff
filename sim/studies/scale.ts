import { linesAgainstN } from '../charts/lines-against-n.ts'
import { numberText } from '../charts/number-text.ts'
import type { Figure, Report, Table } from '../charts/report.ts'
import { runAtScale, SCALE_LIMIT, type ScaleOutcome } from './scale-run.ts'
import type { Study, StudyOptions, StudyProgress } from './study.ts'
import { runTelling, type Telling } from './telling-run.ts'
import { msText } from './words.ts'

/** Checks that clients ask of every node in a second. */
const CHECKS_PER_NODE_PER_S = 10_000
const KEYS = 1_000
/** Less than a token takes to come back: one asked for just before and decided just after is no mistake. */
const LOAD_MS = 900

/** What is said of a fleet of so many nodes before anybody has measured it. */
const EXPECTED: ReadonlyMap<number, number> = new Map([
  [1, 1],
  [10, 0.99],
  [100, 0.95],
  [1_000, 0.9],
])

/** How exact, and at what price, ever larger clusters are. */
export const scaleStudy: Study = {
  name: 'scale',
  summary: 'how exact 1 to 1,000 nodes are with 10,000 checks a second each, and at what price',
  takes: [],
  run: (options, progress) => {
    const { nodes: most = 1_000 } = options
    const sizes = [...EXPECTED.keys()].filter((nodes) => nodes <= most)
    if (!sizes.includes(most)) sizes.push(most)
    const outcomes = measure(options, sizes, progress)
    return scaleReport(options, outcomes, tellings(options, most, progress))
  },
}

/** About where replication becomes scoped, and well above. */
const TELLING_SIZES = [8, 16, 17, 32, 100]
const KEYS_PER_NODE = 100

function tellings({ seed }: StudyOptions, most: number, progress: StudyProgress): Telling[] {
  return TELLING_SIZES.filter((nodes) => nodes <= most).map((nodes) => {
    progress({ what: `${nodes} nodes: telling of their keys`, share: 1, events: 0, virtualMs: 0 })
    return runTelling({ seed, nodes, keys: KEYS_PER_NODE })
  })
}

function measure(
  { seed }: StudyOptions,
  sizes: readonly number[],
  progress: StudyProgress,
): ScaleOutcome[] {
  const all = sizes.reduce((sum, nodes) => sum + nodes, 0)
  const outcomes: ScaleOutcome[] = []
  let done = 0
  let events = 0
  for (const nodes of sizes) {
    const tell = (what: string) => progress({ what, share: done / all, events, virtualMs: 0 })
    const checksPerNodePerS = CHECKS_PER_NODE_PER_S
    const outcome = runAtScale(
      { seed, nodes, keys: KEYS, checksPerNodePerS, loadMs: LOAD_MS },
      tell,
    )
    outcomes.push(outcome)
    done += nodes
    events += outcome.events
  }
  return outcomes
}

function scaleReport(
  { command }: StudyOptions,
  outcomes: readonly ScaleOutcome[],
  told: readonly Telling[],
): Report {
  const largest = outcomes.at(-1)
  if (largest === undefined) throw new Error('nothing was measured')
  const { burst, rate } = SCALE_LIMIT
  return {
    title: 'How exact a fleet is, by its size',
    lead: [
      `${numberText(KEYS)} keys are limited to ${rate.count} tokens a minute, burst ${burst}, for the whole fleet, and clients ask every node ${numberText(CHECKS_PER_NODE_PER_S)} times a second: ${numberText(largest.offeredPerS)} checks a second at ${numberText(largest.nodes)} nodes.`,
      `In health ${percent(largest.healthy.share)} of what ${numberText(largest.nodes)} nodes admitted was as one bucket would have done it, and the key that was exceeded most was exceeded by ${tokens(largest.healthy.overshoot)} tokens: each key has one owner, whatever the size.`,
      `With the death of a node in the middle of it, ${percent(largest.withDeath.share)}.`,
      'Up to 16 nodes every node is told of every key; of more, three nodes are told of each, and what grows with the size are the heartbeats.',
    ].join(' '),
    command,
    facts: [
      {
        label: `accuracy of ${numberText(largest.nodes)} nodes in health`,
        value: percent(largest.healthy.share),
      },
      { label: 'with a death', value: percent(largest.withDeath.share) },
      {
        label: 'median and 99th percentile of an answer',
        value: `${msText(largest.p50Ms)}, ${msText(largest.p99Ms)}`,
      },
      { label: 'sent by each node', value: `${kibibytes(largest.bytesPerNodePerS)} KiB/s` },
    ],
    figures: [
      accuracyFigure(outcomes),
      trafficFigure(outcomes),
      ...(told.length > 0 ? [tellingFigure(told)] : []),
    ],
    tables: [table(outcomes), ...(told.length > 0 ? [tellingTable(told)] : [])],
  }
}

function accuracyFigure(outcomes: readonly ScaleOutcome[]): Figure {
  const of = (share: (outcome: ScaleOutcome) => number) =>
    outcomes.map((outcome) => ({ x: outcome.nodes, y: share(outcome) }))
  return {
    id: 'accuracy',
    title: 'Accuracy by the number of nodes',
    caption:
      '1 - |admitted - ideal| / ideal, over all keys. The lowest line is what a fleet that only gossips is commonly expected to reach.',
    spec: linesAgainstN({
      series: [
        { name: 'in health', points: of(({ healthy }) => healthy.share) },
        { name: 'with a death', points: of(({ withDeath }) => withDeath.share) },
        {
          name: 'expected of gossip alone',
          points: [...EXPECTED].map(([x, y]) => ({ x, y })),
        },
      ],
      valueTitle: 'accuracy',
      format: 'percent',
      range: [0.85, 1.01],
    }),
  }
}

function trafficFigure(outcomes: readonly ScaleOutcome[]): Figure {
  return {
    id: 'traffic',
    title: 'What each node sends',
    caption:
      'Gossip, relays of it, forwarded checks and replies, under load. Every node relays what every other one publishes to about three more: up to 16 nodes counts and heartbeats, of more nodes heartbeats alone.',
    spec: linesAgainstN({
      series: [
        {
          name: 'sent',
          points: outcomes
            .filter(({ bytesPerNodePerS }) => bytesPerNodePerS > 0)
            .map(({ nodes, bytesPerNodePerS }) => ({ x: nodes, y: bytesPerNodePerS / 1_024 })),
        },
      ],
      valueTitle: 'KiB sent per node and second',
      scale: 'log',
    }),
  }
}

function tellingFigure(told: readonly Telling[]): Figure {
  const of = (name: string, bytes: (telling: Telling) => number) => ({
    name,
    points: told.map((telling) => ({ x: telling.nodes, y: bytes(telling) / 1_024 })),
  })
  return {
    id: 'telling',
    title: 'What each node sends for its own keys',
    caption: `${KEYS_PER_NODE} keys in use at each of their owners, nothing forwarded. Above 16 nodes three hold each key, and what its owner sends no longer depends on how many others there are.`,
    spec: linesAgainstN({
      series: [
        of('counts', ({ countBytesPerS }) => countBytesPerS),
        of('heartbeats', ({ idleBytesPerS }) => idleBytesPerS),
      ],
      valueTitle: 'KiB sent per node and second',
      scale: 'log',
    }),
  }
}

function tellingTable(told: readonly Telling[]): Table {
  return {
    title: 'Telling',
    caption: `KiB/s that one node sends for ${KEYS_PER_NODE} keys that it owns, relays included, and with nothing to tell.`,
    columns: [
      { label: 'nodes' },
      { label: 'nodes that hold a key' },
      { label: 'KiB/s for counts' },
      { label: 'KiB/s for heartbeats' },
    ],
    rows: told.map(({ nodes, copies, countBytesPerS, idleBytesPerS }) => [
      nodes,
      copies,
      kibibytes(countBytesPerS),
      kibibytes(idleBytesPerS),
    ]),
  }
}

function table(outcomes: readonly ScaleOutcome[]): Table {
  return {
    title: 'Sizes',
    caption: `${numberText(LOAD_MS / 1_000)} s of load; a node is killed after half of it. Ideal is one exact bucket for each key, asked the same at the same times.`,
    columns: [
      { label: 'nodes' },
      { label: 'checks/s offered' },
      { label: 'expected' },
      { label: 'accuracy' },
      { label: 'with a death' },
      { label: 'admitted' },
      { label: 'ideal' },
      { label: 'worst key, tokens over' },
      { label: 'p50 ms' },
      { label: 'p99 ms' },
      { label: 'KiB/s sent per node' },
      { label: 'messages/s per node' },
      { label: 'one ring after ms' },
      { label: 'events' },
    ],
    rows: outcomes.map((outcome) => {
      const expected = EXPECTED.get(outcome.nodes)
      return [
        outcome.nodes,
        outcome.offeredPerS,
        expected === undefined ? '' : percent(expected),
        percent(outcome.healthy.share),
        percent(outcome.withDeath.share),
        outcome.withDeath.admitted,
        outcome.withDeath.ideal,
        tokens(outcome.withDeath.overshoot),
        outcome.p50Ms,
        outcome.p99Ms,
        kibibytes(outcome.bytesPerNodePerS),
        Math.round(outcome.messagesPerNodePerS),
        outcome.bootMs,
        outcome.events,
      ]
    }),
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`
}

function tokens(value: number): string {
  return value.toFixed(1)
}

function kibibytes(bytes: number): string {
  return numberText(bytes / 1_024)
}
