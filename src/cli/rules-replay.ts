import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseLogLine } from './access-log.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import { columns, renderTable } from './output.ts'
import { Rehearsal, type Rehearsed } from './rehearsal.ts'
import { loadRulesOrFail } from './rules.ts'
import type { Terminal } from './terminal.ts'

/** Keys of each rule that are remembered; more are refused, as by a node. */
const KEYS_MAX = 1_000_000
/** Of the keys that were denied most. */
const KEYS_TOLD = 10

interface Tally {
  requests: number
  refused: number
  isShadow: boolean
}

/** Who would have been denied, of the requests of a log. */
class Report {
  requests = 0
  denied = 0
  unmatched = 0
  strange = 0
  readonly rules = new Map<string, Tally>()
  readonly keys = new Map<string, number>()

  count({ allowed, matched, refusals }: Rehearsed): void {
    this.requests++
    if (!allowed) this.denied++
    if (matched.length === 0 && refusals.length === 0) this.unmatched++
    for (const { rule, isShadow } of matched) this.#tally(rule, isShadow).requests++
    for (const { rule, key, isShadow } of refusals) {
      const tally = this.#tally(rule, isShadow)
      tally.refused++
      // A request without a key has not been counted as matched.
      if (!matched.some((one) => one.rule === rule)) tally.requests++
      const id = `${rule}\t${key}`
      this.keys.set(id, (this.keys.get(id) ?? 0) + 1)
    }
  }

  #tally(rule: string, isShadow: boolean): Tally {
    const tally = this.rules.get(rule) ?? { requests: 0, refused: 0, isShadow }
    this.rules.set(rule, tally)
    return tally
  }
}

/** `weir rules replay`: what the rules would have done to the requests of an access log. */
export async function replayLog(
  rulesFile: string,
  logFile: string,
  terminal: Terminal,
): Promise<ExitCode> {
  const book = await loadRulesOrFail(rulesFile)
  const report = new Report()
  let rehearsal: Rehearsal | undefined
  try {
    for await (const line of createInterface({ input: createReadStream(logFile) })) {
      if (line === '') continue
      const logged = parseLogLine(line)
      if (logged === undefined) {
        report.strange++
        continue
      }
      rehearsal ??= new Rehearsal(book, logged.atMs, KEYS_MAX)
      report.count(rehearsal.request(logged.facts, logged.atMs))
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause
    throw new CommandError(`the log cannot be read: ${cause.message}`, {
      cause,
      exit: 'configuration',
    })
  }
  for (const line of reportLines(report, terminal)) terminal.print(line)
  return 'ok'
}

function reportLines(report: Report, terminal: Terminal): string[] {
  const { requests, denied, unmatched, strange } = report
  const rows = [...report.rules].map(([rule, tally]) => {
    return [rule, `${tally.requests}`, `${tally.refused}`, tally.isShadow ? 'shadow' : 'enforce']
  })
  const worst = [...report.keys].sort(([, a], [, b]) => b - a).slice(0, KEYS_TOLD)
  return [
    `${requests} requests, ${denied} would have been denied, ${unmatched} fall under no rule`,
    ...(strange > 0 ? [`${strange} lines are not of the combined format and were left out`] : []),
    ...(rows.length > 0
      ? ['', ...renderTable(['RULE', 'REQUESTS', 'REFUSED', 'MODE'], rows, terminal)]
      : []),
    ...(worst.length > 0
      ? [
          '',
          terminal.bold('Refused most'),
          ...columns(worst.map(([id, count]) => keyRow(id, count))),
        ]
      : []),
  ]
}

/** Keys come from clients: none of their control characters reaches the terminal. */
function keyRow(id: string, count: number): string[] {
  const tab = id.indexOf('\t')
  return [`  ${id.slice(0, tab)}`, JSON.stringify(id.slice(tab + 1)), `${count}`]
}
