import { INLINING } from '../src/cli/inlining.ts'
import { interleave, median } from './interleave.ts'
import type { DecideJob, DecideResult } from './processes/decide.ts'
import { figure, numberText, type Reading, type Row, type Scale, type Subject } from './row.ts'
import { Stand } from './stand.ts'
import type { Worker } from './worker.ts'

const SMALL: Row = {
  name: 'decision-1k',
  measures: 'one check of an own key inside the process (Node.check), 1,000 keys',
  unit: 'ns',
  target: { atMost: 250 },
}
const MIDDLE: Row = {
  name: 'decision-100k',
  measures: 'the same, 100,000 keys drawn evenly',
  unit: 'ns',
}
const LARGE: Row = {
  name: 'decision-1m',
  measures: 'the same, 1,000,000 keys drawn evenly',
  unit: 'ns',
  target: { atMost: 600 },
}

const SMALL_EMBEDDED: Row = {
  name: 'decision-1k-embedded',
  measures: 'the same, 1,000 keys, in a program that leaves V8 its own inlining budget',
  unit: 'ns',
}
const LARGE_EMBEDDED: Row = {
  name: 'decision-1m-embedded',
  measures: 'the same, 1,000,000 keys drawn evenly',
  unit: 'ns',
}

/** What a decision costs where it is made. */
export const decision: Subject = {
  name: 'decision',
  rows: [SMALL, MIDDLE, LARGE, SMALL_EMBEDDED, LARGE_EMBEDDED],
  measure: (scale, wanted) => Stand.with((stand) => measure(stand, scale, wanted)),
}

interface Case {
  readonly row: Row
  readonly keys: number
  readonly nodeFlags: readonly string[]
}

/** As `weir serve` runs. */
const SERVED = [INLINING]
const CASES: readonly Case[] = [
  { row: SMALL, keys: 1_000, nodeFlags: SERVED },
  { row: MIDDLE, keys: 100_000, nodeFlags: SERVED },
  { row: LARGE, keys: 1_000_000, nodeFlags: SERVED },
  { row: SMALL_EMBEDDED, keys: 1_000, nodeFlags: [] },
  { row: LARGE_EMBEDDED, keys: 1_000_000, nodeFlags: [] },
]

async function measure(
  stand: Stand,
  scale: Scale,
  wanted: ReadonlySet<string>,
): Promise<Map<string, Reading>> {
  const contenders = CASES.filter(({ row }) => wanted.has(row.name)).map(
    ({ row, keys, nodeFlags }) => {
      // A process each: what a compiler learns of one table says nothing about another.
      const worker: Worker<DecideJob, DecideResult> = stand.worker('decide', 'server', nodeFlags)
      return [
        row.name,
        (durationMs: number) => worker.ask({ keys, durationMs, asks: 'held' }),
      ] as const
    },
  )
  const turns = await interleave(scale, Object.fromEntries(contenders))
  return new Map(Object.entries(turns).map(([name, results]) => [name, reading(results)]))
}

function reading(results: readonly DecideResult[]): Reading {
  const ticks = median(results.map((result) => result.tickNsPerCheck))
  const values = results.map((result) => result.nsPerCheck)
  return figure(values, `a check's share of the ticks: ${numberText(ticks)} ns more`)
}
