import { INLINING } from '../src/cli/inlining.ts'
import { EVICTION_ROWS } from '../src/limiter/eviction.ts'
import { interleave, median, ratios } from './interleave.ts'
import type { Asks, DecideJob, DecideResult } from './processes/decide.ts'
import { figure, numberText, type Reading, type Row, type Scale, type Subject } from './row.ts'
import { Stand } from './stand.ts'
import type { Worker } from './worker.ts'

const KEYS = 1_000_000

const FULL: Row = {
  name: 'evict-1m',
  measures: `one check of a new key inside the process, 1,000,000 live keys in a full table: for each the least used of ${EVICTION_ROWS} is given up`,
  unit: 'ns',
}

/** What a check costs for which a live key has to be forgotten. */
export const eviction: Subject = {
  name: 'eviction',
  rows: [FULL],
  measure: (scale) => Stand.with((stand) => measure(stand, scale)),
}

/** One process and one table take both turns, so that they differ in the eviction alone. */
async function measure(stand: Stand, scale: Scale): Promise<Map<string, Reading>> {
  const worker: Worker<DecideJob, DecideResult> = stand.worker('decide', 'server', [INLINING])
  const turn = (asks: Asks) => (durationMs: number) => worker.ask({ keys: KEYS, durationMs, asks })
  const turns = await interleave(scale, { full: turn('new'), room: turn('new-with-room') })
  const full = turns.full.map(({ nsPerCheck }) => nsPerCheck)
  const room = turns.room.map(({ nsPerCheck }) => nsPerCheck)
  const evicted = turns.full.reduce((sum, turn) => sum + turn.evicted, 0)
  const ticks = median(turns.full.map(({ tickNsPerCheck }) => tickNsPerCheck))
  const note = `with room ${numberText(median(room))} ns, so ${numberText(median(ratios(full, room)))}×; ${evicted.toLocaleString('en')} live keys evicted, one a check; a check's share of the ticks: ${numberText(ticks)} ns more`
  return new Map([[FULL.name, figure(full, note)]])
}
