import { renderTable } from '../../src/cli/output.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { Violation } from '../oracle.ts'
import type { Row } from './job.ts'
import { tokensText } from './number-text.ts'

/** A run as `--json` prints it. */
export interface Verdict
  extends Pick<
    Row,
    | 'scenario'
    | 'seed'
    | 'nodes'
    | 'admitted'
    | 'ideal'
    | 'overshoot'
    | 'bound'
    | 'withinBound'
    | 'convergedMs'
    | 'traceHash'
  > {
  /** The command that repeats exactly this run. */
  readonly repeat: string
}

export function verdictOf(row: Row, repeat: string): Verdict {
  const { scenario, seed, nodes, admitted, ideal, overshoot, bound } = row
  const { withinBound, convergedMs, traceHash } = row
  return {
    scenario,
    seed,
    nodes,
    admitted,
    ideal,
    overshoot,
    bound,
    withinBound,
    convergedMs,
    traceHash,
    repeat,
  }
}

/** Nothing was violated, and the bound was kept. */
export function isGood({ withinBound, violations }: Row): boolean {
  return withinBound && violations.length === 0
}

/** The run that went furthest above its bound, or came nearest; of equal ones the first. */
export function worstOf(rows: readonly Row[]): Row {
  return rows.reduce((worst, row) =>
    row.overshoot - row.bound > worst.overshoot - worst.bound ? row : worst,
  )
}

/** All runs of one scenario. */
export interface Told {
  readonly formula: string
  /** In order of seeds; at least one. */
  readonly rows: readonly Row[]
}

const HEADING = ['SCENARIO', 'FORMULA', 'BOUND', 'WORST', 'TIGHT', 'SEED', 'OF', 'VERDICT'] as const

export function tableOf(told: readonly Told[], terminal: Pick<Terminal, 'bold'>): string[] {
  return renderTable(HEADING, told.map(cellsOf), terminal)
}

export function cellsOf({ formula, rows }: Told): string[] {
  const worst = worstOf(rows)
  const { scenario, bound, overshoot, seed } = worst
  const tightness = bound > 0 ? `${Math.floor((overshoot / bound) * 100)}%` : '-'
  return [
    scenario,
    formula,
    tokensText(bound),
    tokensText(overshoot),
    tightness,
    `${seed}`,
    `${rows.length}`,
    verdictText(rows),
  ]
}

function verdictText(rows: readonly Row[]): string {
  const above = rows.filter((row) => !row.withinBound).length
  const violating = rows.filter((row) => row.violations.length > 0).length
  if (above + violating === 0) return 'within'
  const words = [
    above > 0 ? `ABOVE in ${above} of ${rows.length}` : '',
    violating > 0 ? `VIOLATED in ${violating} of ${rows.length}` : '',
  ]
  return words.filter((word) => word !== '').join(', ')
}

/** Everything that is wrong with one run, and how to see it again. */
export function complaints(row: Row, repeat: string): string[] {
  const { scenario, seed, overshoot, bound, violations } = row
  const excess = `the overshoot is ${tokensText(overshoot)}, the bound ${tokensText(bound)}`
  return [
    ...(row.withinBound ? [] : [`${scenario}, seed ${seed}: ${excess}`]),
    ...violations
      .slice(0, VIOLATIONS_SHOWN)
      .map((found) => `${scenario}, seed ${seed}: ${said(found)}`),
    ...(violations.length > VIOLATIONS_SHOWN
      ? [`${scenario}, seed ${seed}: and ${violations.length - VIOLATIONS_SHOWN} violations more`]
      : []),
    `  again: ${repeat}`,
  ]
}

const VIOLATIONS_SHOWN = 3

export function said({ invariant, oracle, atMs, what }: Violation): string {
  return `at ${atMs} ms: invariant ${invariant} (${oracle}): ${what}`
}
