import { SNAPSHOT_MS } from '../cluster/limits.ts'
import type { ChurnJob, ChurnResult } from './processes/churn.ts'
import { figure, numberText, type Reading, type Row, type Subject } from './row.ts'
import { Stand } from './stand.ts'
import type { Worker } from './worker.ts'

const KEYS = 1_000_000
const CHECKS_PER_SECOND = 50_000
const NEW_SHARE = 0.1

const LONGEST: Row = {
  name: 'stall-longest',
  measures: `longest time the event loop of a node is held up: 1,000,000 live keys, ${CHECKS_PER_SECOND} checks/s, ${NEW_SHARE * 100} % of them of new keys`,
  unit: 'ms',
  target: { atMost: 10 },
}
const P999: Row = {
  name: 'stall-p999',
  measures: 'the same: 99.9th percentile of the time for a decision',
  unit: 'µs',
}
const TICKS: Row = {
  name: 'stall-ticks',
  measures: 'the same: ticks lost',
  unit: 'ticks',
  target: { atMost: 0 },
}
const GC_LONGEST: Row = {
  name: 'stall-gc-longest',
  measures: 'the same: longest pause for the garbage collector',
  unit: 'ms',
  target: { atMost: 10 },
}
const SNAPSHOT: Row = {
  name: 'stall-snapshot',
  measures: 'the longest time again, while snapshots of all these keys are written',
  unit: 'ms',
  target: { atMost: 10 },
}

/** Whether a full table is ever felt. */
export const stall: Subject = {
  name: 'stall',
  rows: [LONGEST, P999, TICKS, GC_LONGEST, SNAPSHOT],
  measure: async (scale, wanted) => {
    const all = new Map<string, Reading>()
    for (const writes of [false, true]) {
      const rows = writes ? [SNAPSHOT] : [LONGEST, P999, TICKS, GC_LONGEST]
      if (!rows.some(({ name }) => wanted.has(name))) continue
      // Long enough for at least one snapshot to begin meanwhile.
      const durationMs = scale.watchMs + (writes ? SNAPSHOT_MS : 0)
      const result = await churn(durationMs, writes)
      const read = writes ? [[SNAPSHOT.name, longest(result, durationMs)] as const] : undefined
      for (const [name, reading] of read ?? readings(result, durationMs)) all.set(name, reading)
    }
    return all
  },
}

function churn(durationMs: number, writesSnapshots: boolean): Promise<ChurnResult> {
  return Stand.with((stand) => {
    const worker: Worker<ChurnJob, ChurnResult> = stand.worker('churn', 'server')
    return worker.ask({
      keys: KEYS,
      checksPerSecond: CHECKS_PER_SECOND,
      newShare: NEW_SHARE,
      durationMs,
      writesSnapshots,
    })
  })
}

function longest(result: ChurnResult, watchMs: number): Reading {
  const { checks, slowestCheckMs, longestStallMs, longestStallCpuMs, snapshots } = result
  const written = snapshots === 0 ? '' : `, ${snapshots} snapshots`
  const watched = `${checks.toLocaleString('en')} checks${written} in ${watchMs / 1_000} s`
  return figure(
    [longestStallMs],
    `${watched}; processor time in it ${numberText(longestStallCpuMs)} ms; slowest check ${numberText(slowestCheckMs)} ms`,
  )
}

function readings(result: ChurnResult, watchMs: number): Map<string, Reading> {
  const { checks, p50Us, p999Us, ticksLost, gcPauses, longestGcMs, gcMs } = result
  const watched = `${checks.toLocaleString('en')} checks in ${watchMs / 1_000} s`
  return new Map([
    [LONGEST.name, longest(result, watchMs)],
    [P999.name, figure([p999Us], `${watched}; median ${p50Us} µs`)],
    [TICKS.name, figure([ticksLost], watched)],
    [
      GC_LONGEST.name,
      figure(
        [longestGcMs],
        `${watched}; ${gcPauses} pauses, ${numberText((100 * gcMs) / watchMs)} % of the time`,
      ),
    ],
  ])
}
