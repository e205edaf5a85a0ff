import type { NetConnectOpts } from 'node:net'
import { median } from './interleave.ts'
import type { LoadJob, LoadResult } from './processes/load.ts'
import { numberText } from './row.ts'
import type { Stand } from './stand.ts'
import { checksIn, type Route } from './workload.ts'

/** One turn of load, seen from the server that was loaded. */
export interface Loaded extends LoadResult {
  /**
   * Checks per second of the servers' processor time: what one core gives when it does nothing else. It
   * differs from checks per second of the clock only where others use the core, too. Where processor time
   * cannot be known it is checks per second of the clock.
   */
  readonly checksPerCpuSecond: number
  /** Share of the time in which the first server, and the load generator, used a core. */
  readonly serverBusy: number
  readonly loadBusy: number
}

export type Target = NetConnectOpts
export type LoadSpec = Omit<LoadJob, 'to' | 'route'>

/** Loads servers from the load core, one at a time. */
export class LoadGenerator {
  readonly #worker

  constructor(stand: Stand) {
    this.#worker = stand.worker<LoadJob, LoadResult>('load', 'load')
  }

  async run(to: Target, route: Route, spec: LoadSpec): Promise<Loaded> {
    const result = await this.#worker.ask({ to, route, ...spec })
    const { requests, seconds, cpuSeconds, ownCpuSeconds } = result
    const used = cpuSeconds.reduce<number>((sum, each) => sum + (each ?? Number.NaN), 0)
    const measured = Number.isFinite(used) && cpuSeconds.length > 0
    return {
      ...result,
      checksPerCpuSecond: (requests * checksIn(route)) / (measured ? used : seconds),
      serverBusy: (cpuSeconds[0] ?? Number.NaN) / seconds,
      loadBusy: ownCpuSeconds / seconds,
    }
  }
}

export function checksPerCpuSecond(turns: readonly Loaded[]): number[] {
  return turns.map((turn) => turn.checksPerCpuSecond)
}

/** Whether the servers' processor time is known, and not only the clock's. */
export function isCpuKnown(turns: readonly Loaded[]): boolean {
  return turns.every(({ cpuSeconds }) => cpuSeconds.every((seconds) => seconds !== undefined))
}

/** A load generator that is busier than this may be what limits the result. */
const LOAD_BUSY_MAX = 0.9

/** A contender's figures in words. */
export function described(name: string, turns: readonly Loaded[]): string {
  const of = (value: (turn: Loaded) => number) => median(turns.map(value))
  const loadBusy = of((turn) => turn.loadBusy)
  const warning = loadBusy > LOAD_BUSY_MAX ? ' (may be what limits)' : ''
  return `${name} ${numberText(of((turn) => turn.checksPerCpuSecond))}/s (server ${percent(of((turn) => turn.serverBusy))} busy, load ${percent(loadBusy)}${warning})`
}

function percent(share: number): string {
  return Number.isNaN(share) ? 'unknown' : `${Math.round(share * 100)} %`
}
