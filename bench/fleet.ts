import type { FleetJob, FleetResult } from './processes/fleet.ts'
import { figure, numberText, type Reading, type Row, type Scale, type Subject } from './row.ts'
import { Stand } from './stand.ts'
import type { Worker } from './worker.ts'

const COUNTS: Row = {
  name: 'fleet-counts',
  measures: 'what a node of 18 sends for its keys, held by three / a node of 16, held by all',
  unit: '×',
  target: { atMost: 1 },
}
const HEARTBEATS: Row = {
  name: 'fleet-heartbeats',
  measures: 'what a node of 18 sends with nothing to tell / a node of 16',
  unit: '×',
}

/** What a node sends, by the number of nodes, each with as many keys and as much load. */
export const fleet: Subject = {
  name: 'fleet',
  rows: [COUNTS, HEARTBEATS],
  measure: (scale) => Stand.with((stand) => measure(stand, scale)),
}

const SIZES = [8, 16, 18]
/** Keys that a node owns and that are used, twice a second each. */
const KEYS = 100
/** Processes that the nodes share, by the processor they have. */
const PROCESSES = ['server', 'load'] as const
/** Rounds of anti-entropy are 5 s apart. */
const MEASURED_MS_MIN = 10_000

type Host = Worker<FleetJob, FleetResult>

interface Use {
  readonly bytesPerS: number
  /** Of one core. */
  readonly cpuShare: number
}

/** Of one node: with nothing to tell, and under load. */
interface Measured {
  readonly nodes: number
  readonly quiet: Use
  readonly busy: Use
}

async function measure(stand: Stand, { watchMs }: Scale): Promise<Map<string, Reading>> {
  const hosts: readonly Host[] = PROCESSES.map((core) => stand.worker('fleet', core))
  const all: Measured[] = []
  let seeds: readonly string[] = []
  for (let nodes = 0; nodes < (SIZES.at(-1) ?? 0); ) {
    const host = hosts[nodes % hosts.length] as Host
    const { addresses } = await host.ask({ type: 'start', name: `n${nodes}`, seeds })
    if (nodes === 0) seeds = addresses
    nodes += 1
    await ask(hosts, { type: 'settle', nodes })
    if (SIZES.includes(nodes)) all.push(await measured(hosts, nodes, watchMs))
  }
  const [, sixteen, many] = all as [Measured, Measured, Measured]
  const note = all.map(described).join('; ')
  return new Map([
    [COUNTS.name, figure([countBytes(many) / countBytes(sixteen)], note)],
    [HEARTBEATS.name, figure([many.quiet.bytesPerS / sixteen.quiet.bytesPerS], note)],
  ])
}

async function measured(hosts: readonly Host[], nodes: number, ms: number): Promise<Measured> {
  const forMs = Math.max(MEASURED_MS_MIN, ms)
  // Links, hand-overs and the first comparisons are over by then.
  await ask(hosts, { type: 'load', keys: 0, forMs: MEASURED_MS_MIN })
  const quiet = use(await ask(hosts, { type: 'load', keys: 0, forMs }), nodes, forMs)
  await ask(hosts, { type: 'find', keys: KEYS })
  const busy = use(await ask(hosts, { type: 'load', keys: KEYS, forMs }), nodes, forMs)
  return { nodes, quiet, busy }
}

function ask(hosts: readonly Host[], job: FleetJob): Promise<FleetResult[]> {
  return Promise.all(hosts.map((host) => host.ask(job)))
}

function use(results: readonly FleetResult[], nodes: number, forMs: number): Use {
  const sum = (of: (result: FleetResult) => number) =>
    results.reduce((all, one) => all + of(one), 0)
  const perNodeAndS = 1_000 / forMs / nodes
  return {
    bytesPerS: sum(({ sentBytes }) => sentBytes) * perNodeAndS,
    cpuShare: sum(({ cpuSeconds }) => cpuSeconds) * perNodeAndS,
  }
}

function countBytes({ quiet, busy }: Measured): number {
  return busy.bytesPerS - quiet.bytesPerS
}

function described(measured: Measured): string {
  const { nodes, quiet, busy } = measured
  const kilo = (bytes: number) => numberText(bytes / 1_000)
  return `${nodes} nodes: ${kilo(quiet.bytesPerS)} kB/s idle, ${kilo(countBytes(measured))} more for ${KEYS} keys, ${numberText(100 * quiet.cpuShare)} and ${numberText(100 * busy.cpuShare)} % of a core`
}
