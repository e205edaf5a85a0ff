import { runTelling } from '../sim/studies/telling-run.ts'
import { againstFormula, countBytes, fleetTable, type Measured, type Use } from './fleet-cost.ts'
import type { FleetJob, FleetResult } from './processes/fleet.ts'
import { figure, numberText, type Reading, type Row, type Scale, type Subject } from './row.ts'
import { Stand } from './stand.ts'
import type { Worker } from './worker.ts'

const FORMULA: Row = {
  name: 'fleet-formula',
  measures: 'what a node sends for its keys / the formula, in fleets of 3 to 24; the worst counts',
  unit: '×',
  target: { atMost: 1.25 },
  mark: 'fleet',
}
const COUNTS: Row = {
  name: 'fleet-counts',
  measures: 'what a node of 18 sends for its keys, held by three / a node of 16, held by all',
  unit: '×',
  target: { atMost: 1 },
}
const FLATNESS: Row = {
  name: 'fleet-flatness',
  measures: 'what a node of 24 sends for its keys / a node of 18; grows by heads of frames alone',
  unit: '×',
}
const HEARTBEATS: Row = {
  name: 'fleet-heartbeats',
  measures: 'what a node of 18 sends with nothing to tell / a node of 16',
  unit: '×',
}

/** What a node sends, by the number of nodes, each with as many keys and as much load. */
export const fleet: Subject = {
  name: 'fleet',
  rows: [FORMULA, COUNTS, FLATNESS, HEARTBEATS],
  measure: (scale) => Stand.with((stand) => measure(stand, scale)),
}

/** Of some thirty nodes the signed heartbeats alone keep two processors busy, and nobody can join any more. */
const SIZES = [3, 8, 16, 18, 24]
/** More nodes than fit on a machine. */
const SIMULATED_NODES = 100
/** Keys that a node owns and that are used, twice a second each. */
const KEYS = 100
/** Processes that the nodes share, by the processor they have. */
const PROCESSES = ['server', 'load'] as const
/** Rounds of anti-entropy are 5 s apart. */
const MEASURED_MS_MIN = 10_000

type Host = Worker<FleetJob, FleetResult>

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
  return readings(all, simulated(SIMULATED_NODES))
}

function readings(all: readonly Measured[], larger: Measured): Map<string, Reading> {
  const [, , sixteen, eighteen, most] = all as [Measured, Measured, Measured, Measured, Measured]
  const note = all.map(described).join('; ')
  const formula = Math.max(...all.map((one) => againstFormula(one, KEYS)))
  const over = (one: number, other: number) => figure([one / other], note)
  return new Map([
    [FORMULA.name, { ...figure([formula], note), table: fleetTable([...all, larger], KEYS) }],
    [COUNTS.name, over(countBytes(eighteen), countBytes(sixteen))],
    [FLATNESS.name, over(countBytes(most), countBytes(eighteen))],
    [HEARTBEATS.name, over(eighteen.quiet.bytesPerS, sixteen.quiet.bytesPerS)],
  ])
}

function simulated(nodes: number): Measured {
  const { idleBytesPerS, countBytesPerS } = runTelling({ seed: 1, nodes, keys: KEYS })
  const busy = { bytesPerS: idleBytesPerS + countBytesPerS }
  return { nodes, quiet: { bytesPerS: idleBytesPerS }, busy }
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

function described(measured: Measured): string {
  const { nodes, quiet, busy } = measured
  const kilo = (bytes: number) => numberText(bytes / 1_000)
  const percent = ({ cpuShare = Number.NaN }: Use) => numberText(100 * cpuShare)
  return `${nodes} nodes: ${kilo(quiet.bytesPerS)} kB/s idle, ${kilo(countBytes(measured))} more for ${KEYS} keys, ${percent(quiet)} and ${percent(busy)} % of a core`
}
