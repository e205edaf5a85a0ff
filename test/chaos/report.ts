import { withMarkedPart } from '../../sim/command/marked-part.ts'
import { tokensText } from '../../sim/command/number-text.ts'
import { rowsIn } from '../../sim/command/scenario-table.ts'
import { KILLED_MS, type Noticed, SILENT_MS } from './detection.ts'
import { FAULTS } from './faults/all.ts'
import type { Fault } from './faults/fault.ts'
import type { Outcome } from './inject.ts'

/** A fault, how often it was injected, and the worst that came of it. */
export interface Row {
  readonly fault: string
  readonly story: string
  readonly times: number
  readonly formula: string
  /** Of the injection that came nearest to its bound; so are the two that follow. Tokens. */
  readonly bound: number
  readonly sure: number
  readonly seen: number
  /** The worst that the simulator measured, as the guarantees have it; undefined where it has no such scenario. */
  readonly simulated: string | undefined
  /** Share of all checks; undefined where it is not measured. */
  readonly wronglyRefused: number | undefined
  readonly slowestMs: number
  readonly lost: number
  /** Why it could not be tried here. */
  readonly skipped: string | undefined
  /** Parts of the bounds beside the formula, of all injections: see `Outcome`. */
  readonly unprepared: number
  readonly stoodIn: number
  readonly violations: readonly string[]
}

export function rowOf(
  { name, story, formula, scenario, bound }: Fault,
  outcomes: readonly Outcome[],
  beside: {
    /** The text of docs/guarantees.md. */
    readonly guarantees: string
    /** Why an injection came to nothing. */
    readonly failures?: readonly string[]
    readonly skipped?: string | undefined
  },
): Row {
  const { guarantees, failures = [], skipped } = beside
  const nearest = outcomes.reduce<Outcome | undefined>((worst, one) => {
    return worst === undefined || one.sure - one.bound > worst.sure - worst.bound ? one : worst
  }, undefined)
  const simulated = rowsIn(guarantees).find((row) => row.scenario === scenario)?.worst
  const wrong = outcomes.filter(({ wronglyRefused }) => wronglyRefused !== undefined)
  const checks = wrong.reduce((sum, one) => sum + one.checks, 0)
  const refused = wrong.reduce((sum, one) => sum + (one.wronglyRefused ?? 0) * one.checks, 0)
  return {
    ...{ fault: name, story, formula, simulated, skipped },
    times: outcomes.length,
    bound: nearest?.bound ?? bound(0),
    sure: nearest?.sure ?? 0,
    seen: nearest?.seen ?? 0,
    wronglyRefused: checks === 0 ? undefined : refused / checks,
    slowestMs: outcomes.reduce((max, one) => Math.max(max, one.slowestMs), 0),
    lost: outcomes.reduce((sum, one) => sum + one.lost, 0),
    unprepared: outcomes.reduce((sum, one) => sum + one.unprepared, 0),
    stoodIn: outcomes.reduce((sum, one) => sum + one.stoodIn, 0),
    violations: [...outcomes.flatMap(({ violations }) => violations), ...failures],
  }
}

const HEAD = [
  '| fault | what happens | times | bound | tokens | simulated | measured | let through | wrongly refused | slowest | lost | verdict |',
  '| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
]

export function tableOf(rows: readonly Row[], outcomes: readonly Outcome[]): string[] {
  const added = rows.flatMap(additions)
  const told = added.length === 0 ? [] : ['In the bounds beside their formulas:', '', ...added, '']
  return [...HEAD, ...rows.map(lineOf), '', ...told, ...detectionLines(outcomes)]
}

function lineOf(row: Row): string {
  const { fault, story, times, formula, bound, simulated = '-', sure, seen } = row
  const { wronglyRefused, slowestMs, lost, skipped, violations } = row
  const verdict = violations.length === 0 ? 'within' : 'VIOLATED'
  const share = wronglyRefused === undefined ? '-' : `${(100 * wronglyRefused).toFixed(1)} %`
  const measured =
    skipped === undefined
      ? [tokensText(sure), tokensText(seen), share, `${Math.round(slowestMs)} ms`, lost, verdict]
      : ['-', '-', '-', '-', '-', `skipped: ${skipped}`]
  const cells = [`\`${fault}\``, story, times, formula, tokensText(bound), simulated, ...measured]
  return `| ${cells.join(' | ')} |`
}

/** What the bounds hold beside their formulas. */
function additions({ fault, times, unprepared, stoodIn }: Row): string[] {
  const told = []
  if (unprepared > 0) told.push(`${unprepared} hand-overs missed, B + R·Δ each`)
  if (stoodIn > 0) told.push(`${tokensText(stoodIn)} tokens admitted by stand-ins for a late owner`)
  return told.length === 0 ? [] : [`- \`${fault}\`, in ${times} injections: ${told.join('; ')}.`]
}

function detectionLines(outcomes: readonly Outcome[]): string[] {
  const noticed = outcomes.flatMap((outcome) => outcome.noticed)
  const told = (what: Noticed['what'], limitMs: number) => {
    const times = noticed.filter((one) => one.what === what).map(({ tookMs }) => tookMs)
    times.sort((a, b) => a - b)
    if (times.length === 0) return '- | - | - | 0'
    const late = times.filter((ms) => ms > limitMs).length
    const three = [times[0], times[times.length >> 1], times.at(-1)].map((ms) => `${ms} ms`)
    return `${three.join(' | ')} | ${times.length}${late === 0 ? '' : `, ${late} later than that`}`
  }
  return [
    '| what the others notice | at most | min | median | max | of |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    `| a killed node is dead | ${KILLED_MS} ms | ${told('killed', KILLED_MS)} |`,
    `| a silent node is suspect | ${SILENT_MS} ms | ${told('silent', SILENT_MS)} |`,
  ]
}

export const MARK = 'chaos'

export function withTable(text: string, lines: readonly string[]): string {
  return withMarkedPart(text, MARK, lines)
}

export function faultsNamed(names: readonly string[]): readonly Fault[] {
  if (names.length === 0) return FAULTS
  return names.map((name) => {
    const fault = FAULTS.find((one) => one.name === name)
    if (fault !== undefined) return fault
    const known = FAULTS.map((one) => one.name).join(', ')
    throw new Error(`there is no fault ${JSON.stringify(name)} (known: ${known})`)
  })
}
