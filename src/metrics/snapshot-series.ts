import { type Counter, Gauge, type Registry } from 'prom-client'
import { SNAPSHOT_REFUSALS, type SnapshotRefusal } from '../snapshot-file.ts'
import { counters } from './series.ts'

/** What became of a snapshot that was due. */
const SNAPSHOT_RESULTS = ['written', 'failed', 'skipped'] as const
export type SnapshotResult = (typeof SNAPSHOT_RESULTS)[number]

/** Snapshots of slow limits, written and found. */
export class SnapshotSeries {
  readonly #due: Record<SnapshotResult, Counter.Internal>
  readonly #refused: Record<SnapshotRefusal, Counter.Internal>
  readonly #asOf: Gauge

  constructor(registers: Registry[]) {
    this.#due = counters(SNAPSHOT_RESULTS, 'result', {
      name: 'rate_limiter_snapshots_total',
      help: 'Snapshots of slow limits that were due.',
      registers,
    })
    this.#refused = counters(SNAPSHOT_REFUSALS, 'reason', {
      name: 'rate_limiter_snapshots_refused_total',
      help: 'Snapshots found at the start that were not used.',
      registers,
    })
    this.#asOf = new Gauge({
      name: 'rate_limiter_snapshot_timestamp_seconds',
      help: 'As of when the snapshot on disk is, in seconds since 1970; 0 without one.',
      registers,
    })
  }

  due(result: SnapshotResult): void {
    this.#due[result].inc()
  }

  /** This is what the snapshot on disk knows of. */
  asOf(asOfMs: number): void {
    this.#asOf.set(asOfMs / 1_000)
  }

  refused(reason: SnapshotRefusal): void {
    this.#refused[reason].inc()
  }
}
