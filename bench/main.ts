import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { markedPart } from '../sim/command/marked-part.ts'
import { Bystanders } from './bystanders.ts'
import { bystandersText, heading, machineText } from './machine.ts'
import { jsonLine, type Result, summary, table, withTables } from './report.ts'
import { FULL, QUICK, type Scale } from './row.ts'
import { SUBJECTS } from './subjects.ts'
import { wishOrUsage } from './wish-or-usage.ts'

const USAGE = `npm run bench -- [--only <row or subject>]... [--quick] [--json] [--write <file>]

  --only   measure these rows only; a subject stands for all its rows
  --quick  shorter rounds: some minutes in all, and less to rely on
  --json   the report on standard error, and one line of JSON on standard output
  --write  puts the table of fleet between its marks in this Markdown file`

interface Wish {
  readonly scale: Scale
  readonly json: boolean
  readonly write: string | undefined
  readonly rows: ReadonlySet<string>
}

/** @throws Error that says what is wrong and which rows there are. */
function wishOf(args: readonly string[]): Wish | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const all = SUBJECTS.flatMap(({ rows }) => rows.map((row) => row.name))
  const rows = values.only.length === 0 ? all : values.only.flatMap((name) => rowsCalled(name, all))
  const { quick, json, write } = values
  if (write !== undefined) assertPlaces(write, rows)
  return { scale: quick ? QUICK : FULL, json, write, rows: new Set(rows) }
}

/** Said before anything is measured. @throws Error if no row has a table, or the document no place for one. */
function assertPlaces(file: string, names: readonly string[]): void {
  const rows = SUBJECTS.flatMap((subject) => subject.rows)
  const marks = rows.filter(({ name }) => names.includes(name)).flatMap(({ mark }) => mark ?? [])
  if (marks.length === 0) throw new Error('--write needs a row with a table: --only fleet')
  for (const mark of marks) markedPart(readFileSync(file, 'utf8'), mark)
}

function rowsCalled(name: string, all: readonly string[]): readonly string[] {
  const rows = SUBJECTS.find((subject) => subject.name === name)?.rows.map((row) => row.name)
  if (rows !== undefined) return rows
  if (all.includes(name)) return [name]
  const subjects = SUBJECTS.map((subject) => subject.name)
  throw new Error(
    `--only ${name}: there is no such row. Subjects: ${subjects.join(', ')}. Rows: ${all.join(', ')}.`,
  )
}

async function measure({ scale, rows }: Wish, say: (text: string) => void): Promise<Result[]> {
  const results: Result[] = []
  for (const subject of SUBJECTS) {
    const wanted = subject.rows.filter((row) => rows.has(row.name))
    if (wanted.length === 0) continue
    const startMs = performance.now()
    const readings = await subject.measure(scale, new Set(wanted.map((row) => row.name)))
    say(`measured ${subject.name} in ${Math.round((performance.now() - startMs) / 1_000)} s`)
    for (const row of wanted) {
      const reading = readings.get(row.name)
      if (reading === undefined) throw new Error(`${row.name} was not measured`)
      results.push({ row, reading })
    }
  }
  return results
}

async function main(args: readonly string[]): Promise<void> {
  const wish = wishOrUsage(wishOf, args, USAGE)
  if (wish === undefined) return
  const print = wish.json ? console.error : console.log
  print(`${heading('bench', args, wish.scale)}\n`)
  const bystanders = new Bystanders()
  const results = await measure(wish, console.error)
  const meanwhile = bystandersText(bystanders.share())
  print(`\n${table(results)}\n\n${summary(results)}; meanwhile ${meanwhile}`)
  if (wish.json) console.log(jsonLine(results))
  if (wish.write !== undefined) {
    const about = `${machineText()}; ${new Date().toISOString().slice(0, 10)}; meanwhile ${meanwhile}.`
    const text = readFileSync(wish.write, 'utf8')
    writeFileSync(wish.write, withTables(text, results, about))
  }
}

// Whoever is told to stop, stops what it has started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? (error.stack ?? error.message) : error)
  process.exitCode = 1
}
