import { parseArgs } from 'node:util'
import { Bystanders } from '../bystanders.ts'
import { cores } from '../cores.ts'
import type { Rounds } from '../interleave.ts'
import { bystandersText, heading, machineText } from '../machine.ts'
import { findProgram, versionOf } from '../program.ts'
import { wishOrUsage } from '../wish-or-usage.ts'
import { type Accuracy, accuracyOf, KEYS, LIMIT, TIMES_THE_LIMIT, type Times } from './accuracy.ts'
import { PEERS } from './all.ts'
import type { Peer } from './peer.ts'
import { pictureOf } from './picture.ts'
import { assertPlaceIn, writeReport } from './report.ts'
import { EQUAL_RATE, type Failures, speeds } from './speed.ts'
import { type Finding, tableOf } from './table.ts'

const USAGE = `npm run bench:peers -- [--only <limiter>]... [--quick] [--json] [--write <file>]

  --only   these limiters, and no others: ${PEERS.map(({ name }) => name).join(', ')}
  --quick  shorter rounds: two minutes, and less to rely on
  --json   one line of JSON on standard output, everything else on standard error
  --write  puts the table between its marks in this Markdown file, and the picture beside it; needs all limiters`

interface Scale extends Rounds, Times {}

const FULL: Scale = { rounds: 11, roundMs: 500, warmUpMs: 1_500, times: 3, durationMs: 5_300 }
const QUICK: Scale = { rounds: 3, roundMs: 200, warmUpMs: 500, times: 1, durationMs: 2_300 }

interface Wish {
  readonly peers: readonly Peer[]
  readonly scale: Scale
  readonly json: boolean
  readonly write: string | undefined
}

/** @throws Error that says what is wrong. */
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
  const { only, quick, json, write } = values
  if (write !== undefined) {
    if (only.length > 0) throw new Error('--write needs all limiters: leave out --only')
    assertPlaceIn(write)
  }
  const known = PEERS.map(({ name }) => name)
  const unknown = only.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new Error(`--only ${unknown}: there is no such limiter. There are: ${known.join(', ')}.`)
  }
  const peers = PEERS.filter(({ name }) => only.length === 0 || only.includes(name))
  return { peers, scale: quick ? QUICK : FULL, json, write }
}

/** A program that is not here costs its limiters their rows; anything else that goes wrong is in `failures`, too. */
async function measure(
  peers: readonly Peer[],
  scale: Scale,
  failures: Failures,
): Promise<readonly Finding[]> {
  const missing = new Map(peers.map(({ name, programs }) => [name, whyMissing(programs)]))
  const present = peers.filter(({ name }) => missing.get(name) === undefined)
  console.error(`measuring the speed of ${present.length} limiters ...`)
  const found = await speeds(present, scale, failures)
  const accuracies = new Map<string, Accuracy>()
  for (const peer of present) {
    console.error(`measuring the accuracy of ${peer.title} ...`)
    try {
      accuracies.set(peer.name, await accuracyOf(peer, scale))
    } catch (error) {
      failures.set(peer.name, error)
    }
  }
  return peers.map((peer) => ({
    peer,
    speeds: found.filter((speed) => speed.peer === peer.name),
    accuracy: accuracies.get(peer.name),
    skipped: missing.get(peer.name) ?? (failures.has(peer.name) ? 'it failed' : undefined),
  }))
}

function whyMissing(programs: Peer['programs']): string | undefined {
  const found = programs.map(({ name, versionFlag }) => findProgram(name, versionFlag))
  return found.find((one) => one !== true)
}

/** The machine, and the programs that are no packages of the lockfile. */
function about({ peers, scale }: Wish, bystanders: Bystanders): string {
  const programs = new Map(peers.flatMap((peer) => peer.programs.map((it) => [it.name, it])))
  const versions = [...programs.values()].map(
    (it) => `${it.name} ${versionOf(it.name, it.versionFlag)}`,
  )
  const { rounds, roundMs, times, durationMs } = scale
  return [
    `${[machineText(), ...versions].join('; ')}; ${new Date().toISOString().slice(0, 10)}.`,
    `Speed: medians of ${rounds} interleaved rounds of ${roundMs / 1_000} s; latency at ${EQUAL_RATE.toLocaleString('en')} checks/s; ${cores().description}.`,
    `Accuracy: ${LIMIT.perSecond}/s of each of ${KEYS} keys, ${TIMES_THE_LIMIT} times that offered for ${durationMs / 1_000} s, the kill in the middle; ${times === 1 ? 'once' : `medians of ${times} times, the most that failed`}.`,
    `While it was measured ${bystandersText(bystanders.share())}.`,
  ].join('\n')
}

async function main(args: readonly string[]): Promise<void> {
  const wish = wishOrUsage(wishOf, args, USAGE)
  if (wish === undefined) return
  const print = wish.json ? console.error : console.log
  print(`${heading('bench:peers', args, wish.scale)}\n`)
  const bystanders = new Bystanders()
  const failures: Failures = new Map()
  const findings = await measure(wish.peers, wish.scale, failures)
  const table = tableOf(findings)
  const text = about(wish, bystanders)
  print(`\n${table.join('\n')}\n\n${text}`)
  if (wish.json) {
    const told = findings.map((finding) => ({ ...finding, peer: finding.peer.name }))
    console.log(JSON.stringify({ findings: told }))
  }
  for (const [name, error] of failures) console.error(`\n${name} failed:`, error)
  if (failures.size > 0) process.exitCode = 1
  else if (wish.write !== undefined) {
    writeReport(wish.write, { about: text, table, svg: await pictureOf(findings) })
  }
}

// Whoever is told to stop, stops what it has started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

await main(process.argv.slice(2))
