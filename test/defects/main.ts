import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { wishOrUsage } from '../../bench/wish-or-usage.ts'
import { DEFECTS } from './all.ts'
import { Build } from './build.ts'
import { type Defect, planted } from './defect.ts'
import { withTable } from './docs-table.ts'
import type { Hunted } from './hunt.ts'
import { controlText, type Result, type Row, resultText, rowOf, summary, table } from './report.ts'

const USAGE = `npm run defects -- [--only <name>]... [--seeds <n>] [--control <n>] [--json] [--write]

  --only     these defects, and no others
  --seeds    seeds to try for each defect; 200 unless said
  --control  seeds that the core without a defect has to pass first; 20 unless said
  --json     one line of JSON on standard output, everything else on standard error
  --write    writes the table into docs/guarantees.md; needs all defects`

const GUARANTEES = 'docs/guarantees.md'
const WORKERS = 2

interface Wish {
  readonly defects: readonly Defect[]
  readonly seeds: number
  readonly control: number
  readonly json: boolean
  readonly write: boolean
}

/** @throws Error that says what is wrong. */
function wishOf(args: readonly string[]): Wish | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      seeds: { type: 'string', default: '200' },
      control: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const { only, json, write } = values
  if (write && only.length > 0) throw new Error('--write needs all defects: leave out --only')
  const seeds = wholeOf('--seeds', values.seeds)
  const control = wholeOf('--control', values.control)
  const defects = defectsCalled(only)
  // Said at once, not after minutes of searching for others.
  for (const defect of defects) planted(defect, process.cwd())
  return { defects, seeds, control, json, write }
}

function wholeOf(option: string, text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0) throw new Error(`${option} is not a number: ${text}`)
  return number
}

function defectsCalled(names: readonly string[]): readonly Defect[] {
  if (names.length === 0) return DEFECTS
  return names.map((name) => {
    const defect = DEFECTS.find((one) => one.name === name)
    if (defect !== undefined) return defect
    const known = DEFECTS.map((one) => one.name).join(', ')
    throw new Error(`there is no defect ${JSON.stringify(name)} (known: ${known})`)
  })
}

/** Each item in its turn, some at a time. */
async function inTurn<Item>(items: readonly Item[], work: (item: Item) => Promise<void>) {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: WORKERS }, worker))
}

async function hunted(defect: Defect, seeds: number, sound: Build): Promise<Result> {
  const startedMs = performance.now()
  const build = await Build.of(process.cwd(), defect)
  try {
    const wish = { likely: defect.scenarios, seeds, sound: sound.examineUrl }
    const found = await build.hunt(wish)
    return { defect, hunted: found, tookMs: performance.now() - startedMs }
  } finally {
    build.remove()
  }
}

/** Returns whether everything is as it should be. */
async function run({ defects, seeds, control, json, write }: Wish): Promise<boolean> {
  const say = json ? console.error : console.log
  const sound = await Build.of(process.cwd())
  try {
    const controlled: Hunted = await sound.hunt({ likely: [], seeds: control })
    say(controlText(controlled, control))
    const results = new Map<string, Result>()
    await inTurn(defects, async (defect) => {
      const result = await hunted(defect, seeds, sound)
      results.set(defect.name, result)
      say(resultText(result))
    })
    const rows: Row[] = defects.map(({ name }) => rowOf(results.get(name) as Result))
    say(`\n${table(rows)}\n\n${summary(rows)}`)
    if (json) console.log(JSON.stringify({ control: controlled, rows }))
    if (write) writeFileSync(GUARANTEES, withTable(readFileSync(GUARANTEES, 'utf8'), rows))
    return controlled.found.length === 0 && rows.every(({ caught }) => caught !== undefined)
  } finally {
    sound.remove()
  }
}

const wish = wishOrUsage(wishOf, process.argv.slice(2), USAGE)
if (wish !== undefined && !(await run(wish))) process.exitCode = 1
