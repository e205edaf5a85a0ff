import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { wishOrUsage } from '../../bench/wish-or-usage.ts'
import { markedPart } from '../../sim/command/marked-part.ts'
import { ChaosCluster } from './cluster.ts'
import { type Fault, NODES } from './faults/fault.ts'
import { type GroundName, groundMissing } from './ground.ts'
import { inject, type Outcome, outcomeText } from './inject.ts'
import { faultsNamed, MARK, type Row, rowOf, tableOf, withTable } from './report.ts'

const USAGE = `npm run chaos -- [--only <fault>]... [--times <n>] [--clusters <n>] [--json] [--write <file>]

  --only   these faults, and no others
  --times  how often each is injected; 20 unless said. What hurts all nodes in a row, a quarter of that
  --clusters
           how many clusters are hurt at once; 1 unless said. More are sooner done, and keep each other waiting
  --json   one line of JSON on standard output, everything else on standard error
  --write  puts the tables between their marks in this Markdown file; needs all faults`

/** Where faults mostly wait comes first, to go on beside those that keep processors busy. */
const GROUNDS: readonly GroundName[] = ['cables', 'proxied', 'loopback']
/** So many faults share a cluster, which lives until each has been injected so often. */
const FAULTS_OF_A_CLUSTER = 5

const GUARANTEES = 'docs/guarantees.md'

interface Wish {
  readonly faults: readonly Fault[]
  readonly times: number
  readonly clusters: number
  readonly json: boolean
  readonly write: string | undefined
}

/** @throws Error that says what is wrong. */
function wishOf(words: readonly string[]): Wish | 'help' {
  const { values } = parseArgs({
    args: [...words],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      times: { type: 'string', default: '20' },
      clusters: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      write: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const { only, json, write } = values
  if (write !== undefined) {
    if (only.length > 0) throw new Error('--write needs all faults: leave out --only')
    // Said at once, not after an hour.
    markedPart(readFileSync(write, 'utf8'), MARK)
  }
  const times = wholeNumber('--times', values.times, 9_999)
  const clusters = wholeNumber('--clusters', values.clusters, 8)
  return { faults: faultsNamed(only), times, clusters, json, write }
}

/** @throws Error that says what is wrong. */
function wholeNumber(option: string, text: string, max: number): number {
  const number = Number(text)
  if (/^[1-9]\d{0,3}$/.test(text) && number <= max) return number
  throw new Error(`${option} must be a whole number from 1 to ${max}, is ${text}`)
}

type Say = (line: string) => void

/** Faults that share a cluster. */
interface Batch {
  readonly ground: GroundName
  readonly faults: readonly Fault[]
}

function batchesOn(ground: GroundName, faults: readonly Fault[]): Batch[] {
  const count = Math.ceil(faults.length / FAULTS_OF_A_CLUSTER)
  return Array.from({ length: count }, (_, at) => {
    const from = at * FAULTS_OF_A_CLUSTER
    return { ground, faults: faults.slice(from, from + FAULTS_OF_A_CLUSTER) }
  })
}

/** A fault after which the cluster did not become whole, or could not be hurt at all. */
interface Failure {
  readonly fault: string
  readonly why: string
}

interface Told {
  readonly outcomes: Outcome[]
  readonly failures: Failure[]
}

/** Faults of one ground, each in its turn, in one life of one cluster; in another after a failure. */
async function inOneCluster({ ground, faults }: Batch, times: number, say: Say): Promise<Told> {
  const told: Told = { outcomes: [], failures: [] }
  let cluster = await ChaosCluster.start(ground, NODES[ground])
  try {
    for (let turn = 1; turn <= times; turn++)
      for (const fault of faults.filter(({ inARow = 1 }) => (turn - 1) % inARow === 0)) {
        try {
          const outcome = await inject(fault, cluster)
          told.outcomes.push(outcome)
          say(`${turn}/${times} ${outcomeText(outcome)}`)
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error)
          told.failures.push({ fault: fault.name, why })
          say(`${turn}/${times} ${fault.name}: ${why}`)
          await cluster.end()
          cluster = await ChaosCluster.start(ground, NODES[ground])
        }
      }
  } finally {
    await cluster.end()
  }
  return told
}

/** Returns whether everything is as it should be. */
async function run({ faults, times, clusters, json, write }: Wish): Promise<boolean> {
  const say: Say = json ? console.error : console.log
  const batches: Batch[] = []
  const missing = new Map<GroundName, string>()
  for (const ground of GROUNDS) {
    const some = faults.filter(({ on }) => on === ground)
    const why = groundMissing(ground)
    if (why === undefined) batches.push(...batchesOn(ground, some))
    else missing.set(ground, why)
  }
  const told: Told[] = []
  const lane = async () => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift())
      told.push(await inOneCluster(batch, times, say))
  }
  await Promise.all(Array.from({ length: clusters }, lane))
  const outcomes = told.flatMap((one) => one.outcomes)
  const failures = told.flatMap((one) => one.failures)
  const guarantees = readFileSync(GUARANTEES, 'utf8')
  const rows: Row[] = faults.map((fault) => {
    const own = outcomes.filter((outcome) => outcome.fault === fault.name)
    const failed = failures.filter((failure) => failure.fault === fault.name)
    const reasons = failed.map(({ why }) => why)
    return rowOf(fault, own, { guarantees, failures: reasons, skipped: missing.get(fault.on) })
  })
  const lines = tableOf(rows, outcomes)
  say(`\n${lines.join('\n')}`)
  if (json) console.log(JSON.stringify({ rows, outcomes, failures }))
  if (write !== undefined) writeFileSync(write, withTable(readFileSync(write, 'utf8'), lines))
  return rows.every(({ violations }) => violations.length === 0)
}

// An orderly end for whatever was started: 'exit' takes down what nodes live in, and they end without us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const wish = wishOrUsage(wishOf, process.argv.slice(2), USAGE)
if (wish !== undefined && !(await run(wish))) process.exitCode = 1
