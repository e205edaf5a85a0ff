import { CommandError, type ExitCode } from '../../src/cli/exit-code.ts'
import { renderTable } from '../../src/cli/output.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { OnPartition } from '../../src/limiter/policy.ts'
import type { Report, Table } from '../charts/report.ts'
import { type Study, UnfitOptions } from '../studies/study.ts'
import { type Context, givenCommand } from './context.ts'
import { countText, durationText } from './number-text.ts'
import { assertWritable, writePictures } from './report-folder.ts'

export interface StudyWish {
  readonly seed: number
  readonly seeds: number | undefined
  readonly nodes: number | undefined
  readonly policy: OnPartition | undefined
  readonly json: boolean
  readonly report: string | undefined
}

const SHOW_EVERY_MS = 200

/** Runs a study and prints its numbers; its pictures go into a report, if one is wanted. */
export async function runStudy(study: Study, wish: StudyWish, context: Context): Promise<ExitCode> {
  const { terminal, screen } = context
  if (wish.report !== undefined) await assertWritable(wish.report)
  const report = reportOf(study, wish, context)
  screen.clear()
  if (wish.json) terminal.print(JSON.stringify(withoutPictures(report)))
  else for (const line of reportLines(report, terminal)) terminal.print(line)
  if (wish.report !== undefined) await writePictures(report, wish.report, terminal)
  return 'ok'
}

function reportOf(study: Study, wish: StudyWish, context: Context): Report {
  const { seed, seeds, nodes, policy } = wish
  const options = {
    seed,
    ...(seeds === undefined ? {} : { seeds }),
    ...(nodes === undefined ? {} : { nodes }),
    ...(policy === undefined ? {} : { onPartition: policy }),
    command: givenCommand(context),
  }
  try {
    return study.run(options, progressOn(context.screen))
  } catch (error) {
    if (!(error instanceof UnfitOptions)) throw error
    throw new CommandError(error.message, { exit: 'usage', cause: error })
  }
}

function progressOn(screen: Context['screen']): Parameters<Study['run']>[1] {
  const startMs = performance.now()
  let shownMs = startMs
  return ({ what, share, events, virtualMs }) => {
    const nowMs = performance.now()
    if (nowMs - shownMs < SHOW_EVERY_MS) return
    shownMs = nowMs
    const elapsedMs = nowMs - startMs
    const words = [
      what,
      `${countText((events * 1_000) / elapsedMs)} events/s`,
      `${durationText(virtualMs)} of virtual time`,
      share > 0 ? `${durationText((elapsedMs / share) * (1 - share))} left` : '',
    ]
    screen.show(words.filter((word) => word !== '').join('   '))
  }
}

function withoutPictures({ title, lead, command, facts, tables }: Report) {
  return { title, lead, command, facts, tables }
}

function reportLines(report: Report, terminal: Pick<Terminal, 'bold'>): string[] {
  const { title, lead, facts, tables } = report
  return [
    terminal.bold(title),
    lead,
    '',
    ...facts.map(({ label, value }) => `${label}: ${value}`),
    ...tables.flatMap((table) => ['', ...tableLines(table, terminal)]),
  ]
}

function tableLines({ title, columns, rows }: Table, terminal: Pick<Terminal, 'bold'>): string[] {
  const heading = columns.map(({ label }) => label)
  const text = (cell: string | number) =>
    typeof cell === 'number' ? cell.toLocaleString('en-US') : cell
  return [
    title,
    ...renderTable(
      heading,
      rows.map((row) => row.map(text)),
      terminal,
    ),
  ]
}
