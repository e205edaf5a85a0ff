import { setTimeout as delay } from 'node:timers/promises'
import { encodeFrame } from '../cluster/libp2p/frame-codec.ts'
import { encode } from '../cluster/wire.ts'
import { writePreSharedKey } from '../src/cli/keygen.ts'
import type { ClusterStatus } from '../src/running-node.ts'
import { addressOf } from './http.ts'
import { interleave, median, ratios } from './interleave.ts'
import { checksPerCpuSecond, described, type Loaded, LoadGenerator } from './load.ts'
import { microsecondsText } from './microseconds.ts'
import type { EchoJob, EchoResult } from './processes/echo.ts'
import { figure, type Reading, type Row, type Scale, type Subject } from './row.ts'
import { type ServedNode, Stand } from './stand.ts'
import type { Worker } from './worker.ts'
import { BATCH_CHECKS, CONNECTIONS, KEYS, keyTexts, RULE } from './workload.ts'

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
  const { origin, owner } = await clusterOfTwo(stand)
  const keys = await keysByOwner(origin)
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
    const echo = await echoBetween(stand)
    const turns = await interleave<'own' | 'forwarded' | 'echo', { readonly p50Us: number }>(
      scale,
      {
        own: turn(origin, 1),
        forwarded: turn(owner, 1),
        echo: (durationMs) => echo.ask({ role: 'client', durationMs, frame: FRAME }),
      },
    )
    readings.set(ONE.name, addedLatency(turns))
  }
  return readings
}

type Latencies = Record<'own' | 'forwarded' | 'echo', readonly Pick<Loaded, 'p50Us'>[]>

function addedLatency({ own, forwarded, echo }: Latencies): Reading {
  const p50s = (turns: Latencies['own']) => turns.map((turn) => turn.p50Us)
  const [ownUs, forwardedUs, echoUs] = [p50s(own), p50s(forwarded), p50s(echo)]
  const addedUs = forwardedUs.map((us, round) => us - (ownUs[round] ?? Number.NaN))
  const note = `forwarded ${microsecondsText(forwardedUs)}, own ${microsecondsText(ownUs)}, echo of ${FRAME.length} B ${microsecondsText(echoUs)} (added: ${Math.round(median(addedUs))} µs)`
  return figure(ratios(addedUs, echoUs), note)
}

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
async function echoBetween(stand: Stand): Promise<Worker<EchoJob, EchoResult>> {
  const server: Worker<EchoJob, EchoResult> = stand.worker('echo', 'load')
  const client: Worker<EchoJob, EchoResult> = stand.worker('echo', 'server')
  const { port } = await server.ask({ role: 'server' })
  await client.ask({ role: 'connect', port })
  return client
}

/** Two real nodes with a pre-shared key: the one that is asked on the server core, its peer beside the load. */
async function clusterOfTwo(stand: Stand): Promise<{ origin: ServedNode; owner: ServedNode }> {
  const secret = `${stand.folder}/secret.key`
  await writePreSharedKey(secret)
  const flags = ['--listen', '127.0.0.1:0', '--peer-listen', '127.0.0.1:0', '--secret-file', secret]
  const origin = await stand.node('origin', 'server', flags)
  const owner = await stand.node('owner', 'load', [...flags, '--seeds', origin.peer.join(',')])
  await settled([origin, owner])
  return { origin, owner }
}

const SETTLE_MS_MAX = 20_000
const SETTLE_POLL_MS = 50

async function settled(nodes: readonly ServedNode[]): Promise<void> {
  const endMs = performance.now() + SETTLE_MS_MAX
  for (;;) {
    const seen = await Promise.all(nodes.map(activeMembers))
    if (seen.every((active) => active === nodes.length)) return
    if (performance.now() > endMs) throw new Error(`${nodes.length} nodes did not become a cluster`)
    await delay(SETTLE_POLL_MS)
  }
}

async function activeMembers({ admin }: ServedNode): Promise<number> {
  const status = (await (await fetch(`${admin}/api/v1/cluster`)).json()) as ClusterStatus
  return status.members.filter((one) => one.state === 'active' && (one.self || one.linked)).length
}

/** Keys by the name of their owner, as the node says when asked without taking anything. */
async function keysByOwner({ url }: ServedNode): Promise<Map<string, string[]>> {
  const keys = keyTexts(2 * KEYS)
  const byOwner = new Map<string, string[]>()
  for (let from = 0; from < keys.length; from += BATCH_CHECKS) {
    const asked = keys.slice(from, from + BATCH_CHECKS)
    const response = await fetch(`${url}/v1/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ checks: asked.map((key) => ({ rule: RULE, key, cost: 0 })) }),
    })
    const { answers } = (await response.json()) as { answers: { owner: string }[] }
    asked.forEach((key, at) => {
      const owner = answers[at]?.owner ?? ''
      byOwner.set(owner, [...(byOwner.get(owner) ?? []), key])
    })
  }
  return byOwner
}
