import type { ChartSpec } from './chart-spec.ts'

/**
 * What a study or a run has to say, as data: words, numbers and pictures. Whoever measures builds one;
 * `sim/report/write-report.ts` makes files of it.
 */
export interface Report {
  readonly title: string
  /** One paragraph of plain words: what was asked, and what came out. */
  readonly lead: string
  /** The command that repeats it, seed included. */
  readonly command: string
  /** The few numbers worth reading first. */
  readonly facts: readonly Fact[]
  readonly figures: readonly Figure[]
  readonly tables: readonly Table[]
}

export interface Fact {
  readonly label: string
  readonly value: string
}

export interface Figure {
  /** Names its files: lower-case letters, digits and dashes, once in a report. */
  readonly id: string
  readonly title: string
  /** What to see in it, in a sentence or two. */
  readonly caption: string
  readonly spec: ChartSpec
}

export interface Table {
  readonly title: string
  readonly caption?: string
  readonly columns: readonly Column[]
  /** One cell a column, in their order. Numbers are written as they are, with separators of thousands. */
  readonly rows: readonly (readonly (string | number)[])[]
}

export interface Column {
  readonly label: string
  /** Without it numbers stand right and words left. */
  readonly align?: 'left' | 'right'
}
