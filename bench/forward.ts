import { encodeFrame } from '../cluster/libp2p/frame-codec.ts'
import { encode } from '../cluster/wire.ts'
import { keysByOwner, startCluster } from './cluster.ts'
import { addressOf } from './http.ts'
import { interleave, median, ratios } from './interleave.ts'
import { checksPerCpuSecond, described, type Loaded, LoadGenerator } from './load.ts'
import { microsecondsText } from './microseconds.ts'
import type { EchoJob, EchoResult, Line } from './processes/echo.ts'
import { figure, type Reading, type Row, type Scale, type Subject } from './row.ts'
import { type ServedNode, Stand } from './stand.ts'
import type { Worker } from './worker.ts'
import { CONNECTIONS, KEYS, RULE } from './workload.ts'

const MANY: Row = {
  name: 'forward-64',
  measures: `POST /v1/check of keys that another node owns, ${CONNECTIONS} in flight / of own keys, checks/s of the asked node's core`,
  unit: '×',
  target: { atLeast: 0.75 },
}
const ONE: Row = {
  name: 'forward-1',
  measures:
    'the same, one in flight: median latency added / one echo of the same frame over a bare TCP socket',
  unit: '×',
  target: { atMost: 2 },
}

/** What it costs that another node owns the key. */
export const forward: Subject = {
  name: 'forward',
  rows: [MANY, ONE],
  measure: (scale, wanted) => Stand.with((stand) => measure(stand, scale, wanted)),
}

async function measure(
  stand: Stand,
  scale: Scale,
  wanted: ReadonlySet<string>,
): Promise<Map<string, Reading>> {
  // The node that is asked has the server core, its peer is beside the load.
  const [origin, owner] = (await startCluster(stand, ['server', 'load'])) as [
    ServedNode,
    ServedNode,
  ]
  const keys = await keysByOwner(origin, 2 * KEYS)
  const generator = new LoadGenerator(stand)
  const turn = (keysOf: ServedNode, connections: number) => (durationMs: number) =>
    generator.run(addressOf(origin.url), 'check', {
      keys: keys.get(keysOf.name) ?? [],
      connections,
      durationMs,
      pids: [origin.pid],
    })
  const readings = new Map<string, Reading>()
  if (wanted.has(MANY.name)) {
    const turns = await interleave(scale, {
      own: turn(origin, CONNECTIONS),
      forwarded: turn(owner, CONNECTIONS),
    })
    const values = ratios(checksPerCpuSecond(turns.forwarded), checksPerCpuSecond(turns.own))
    const note = `${described('forwarded', turns.forwarded)}; ${described('own', turns.own)}`
    readings.set(MANY.name, figure(values, note))
  }
  if (wanted.has(ONE.name)) {
    const echo = await echoes(stand)
    const turns = await interleave<keyof Latencies, { readonly p50Us: number }>(scale, {
      own: turn(origin, 1),
      forwarded: turn(owner, 1),
      echo: echo('tcp', 0),
      atRest: echo('tcp', REST_MS),
      linkAtRest: echo('link', REST_MS),
    })
    readings.set(ONE.name, addedLatency(turns))
  }
  return readings
}

type Latencies = Record<
  'own' | 'forwarded' | 'echo' | 'atRest' | 'linkAtRest',
  readonly Pick<Loaded, 'p50Us'>[]
>

function addedLatency(turns: Latencies): Reading {
  const p50s = (name: keyof Latencies) => turns[name].map((turn) => turn.p50Us)
  const textOf = (name: keyof Latencies) => microsecondsText(p50s(name))
  const ownUs = p50s('own')
  const addedUs = p50s('forwarded').map((us, round) => us - (ownUs[round] ?? Number.NaN))
  const note = `forwarded ${textOf('forwarded')}, own ${textOf('own')} (added: ${Math.round(median(addedUs))} µs); echo of ${FRAME.length} B ${textOf('echo')}; one echo in ${REST_MS} ms: over TCP ${textOf('atRest')}, over the link of two nodes ${textOf('linkAtRest')}`
  return figure(ratios(addedUs, p50s('echo')), note)
}

/** About as long as a core is left alone between two forwarded checks of one client. */
const REST_MS = 1

/** A forward of one check as it goes over the wire, before encryption. */
const FRAME = [
  ...encodeFrame(
    encode({
      type: 'forward',
      sentMs: 1_700_000_000_000,
      view: 0xffff_ffff,
      checks: [
        {
          id: 100_000,
          action: 'check',
          rule: RULE,
          hashHi: 0xffff_ffff,
          hashLo: 0xffff_ffff,
          cost: 1,
          hops: 1,
        },
      ],
      counts: { actors: [], blocks: [] },
    }),
  ),
]

/** Where the nodes are, so is the echo: the asking end beside the origin, the other beside the owner. */
async function echoes(stand: Stand) {
  const server: Worker<EchoJob, EchoResult> = stand.worker('echo', 'load')
  const client: Worker<EchoJob, EchoResult> = stand.worker('echo', 'server')
  for (const over of ['tcp', 'link'] as const) {
    const { at } = await server.ask({ role: 'server', over })
    await client.ask({ role: 'connect', over, to: at })
  }
  return (over: Line, pauseMs: number) => (durationMs: number) =>
    client.ask({ role: 'client', over, durationMs, pauseMs, frame: FRAME })
}
