import type { FillJob, FillResult } from './processes/fill.ts'
import { figure, numberText, type Reading, type Row, type Subject } from './row.ts'
import { Stand } from './stand.ts'
import type { Worker } from './worker.ts'

const SMALL: Row = {
  name: 'memory-1k',
  measures: 'memory of one key of 24 bytes and one limit, 1,000 keys, fixed costs included',
  unit: 'B',
}
const MIDDLE: Row = { name: 'memory-100k', measures: 'the same, 100,000 keys', unit: 'B' }
const LARGE: Row = {
  name: 'memory-1m',
  measures: 'the same, 1,000,000 keys',
  unit: 'B',
  target: { atMost: 130 },
}
const HUGE: Row = { name: 'memory-5m', measures: 'the same, 5,000,000 keys', unit: 'B' }

/** What it costs to remember a key. */
export const memory: Subject = {
  name: 'memory',
  rows: [SMALL, MIDDLE, LARGE, HUGE],
  measure: async (_, wanted) => {
    const readings = new Map<string, Reading>()
    for (const [{ name }, keys] of KEYS) if (wanted.has(name)) readings.set(name, await weigh(keys))
    return readings
  },
}

const KEYS: readonly (readonly [Row, number])[] = [
  [SMALL, 1_000],
  [MIDDLE, 100_000],
  [LARGE, 1_000_000],
  [HUGE, 5_000_000],
]

/** Fewer keys than this drown in the pages that a process takes and gives back for other reasons. */
const RESIDENT_KEYS_MIN = 1_000_000

function weigh(keys: number): Promise<Reading> {
  return Stand.with(async (stand) => {
    const worker: Worker<FillJob, FillResult> = stand.worker('fill', 'server', ['--expose-gc'])
    const { heldBytes, residentBytes } = await worker.ask({ keys })
    const held = heldBytes / keys
    const resident = residentBytes / keys
    const counted = keys < RESIDENT_KEYS_MIN ? held : Math.max(held, resident)
    const note = `heap and array buffers ${numberText(held)} B, resident pages ${numberText(resident)} B${keys < RESIDENT_KEYS_MIN ? ' (too few keys to tell)' : ': the larger counts'}`
    return figure([counted], note)
  })
}
