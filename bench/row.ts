import { type Rounds, type Spread, spread } from './interleave.ts'

/** What a bench promises to find out, as data: the report needs nothing else. */
export interface Row {
  readonly name: string
  /** What is measured, and against what. */
  readonly measures: string
  readonly unit: Unit
  /** Without one the row is for information. */
  readonly target?: Target
  /** Names the marks in a document between which its table is written. */
  readonly mark?: string
}

/** `×` is a ratio. */
export type Unit = '×' | 'ns' | 'µs' | 'ms' | 'B' | 'ticks'
export type Target = { readonly atLeast: number } | { readonly atMost: number }

/** What came out: a figure, or the reason why there is none. */
export type Reading = Figure | Skipped

export interface Figure extends Spread {
  readonly type: 'figure'
  /** The figures behind it, in a line. */
  readonly note: string
  /** Markdown, for a row with a mark. */
  readonly table?: readonly string[]
}

export interface Skipped {
  readonly type: 'skipped'
  readonly reason: string
}

export function figure(values: readonly number[], note: string): Figure {
  return { type: 'figure', ...spread(values), note }
}

export function skipped(reason: string): Skipped {
  return { type: 'skipped', reason }
}

/** Rows that are measured together, because they share processes or because they are compared. */
export interface Subject {
  readonly name: string
  readonly rows: readonly Row[]
  /** Measures the rows asked for; those it leaves out count as broken. */
  measure(scale: Scale, wanted: ReadonlySet<string>): Promise<ReadonlyMap<string, Reading>>
}

/** How long to look. */
export interface Scale extends Rounds {
  /** How long a node is watched for stalls. */
  readonly watchMs: number
}

/** A turn is as long as a gossip interval, so that each has its share of what nodes do between checks. */
export const FULL: Scale = { rounds: 21, roundMs: 500, warmUpMs: 1_500, watchMs: 15_000 }
export const QUICK: Scale = { rounds: 5, roundMs: 200, warmUpMs: 500, watchMs: 2_000 }

/** Whether a figure meets its row's target; null where there is no target or no figure. */
export function isMet({ target }: Row, reading: Reading): boolean | null {
  if (target === undefined || reading.type === 'skipped') return null
  return 'atLeast' in target ? reading.median >= target.atLeast : reading.median <= target.atMost
}

/** Three digits that count, without an exponent. */
export function numberText(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}
