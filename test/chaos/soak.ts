import { setTimeout as after } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { wishOrUsage } from '../../bench/wish-or-usage.ts'
import { countText, durationText, tokensText } from '../../sim/command/number-text.ts'
import { ChaosCluster } from './cluster.ts'
import { FAULTS } from './faults/all.ts'
import { NODES } from './faults/fault.ts'
import { inject, type Outcome, outcomeText } from './inject.ts'
import { Load, PLENTY } from './load.ts'
import { complaints } from './log-lines.ts'
import { Memory, type MemoryRow } from './memory.ts'

const USAGE = `npm run soak -- [--minutes <n>] [--json]

  --minutes  for how long; 20 unless said
  --json     one line of JSON on standard output, everything else on standard error`

/** A fault in each of these. */
const TURN_MS = 20_000
const SAMPLE_MS = 5_000
const CAPACITY_MS = 5_000
/** Of what the cluster can do on this machine, the clients included. */
const LOAD_SHARE = 0.5
/** A node that grows by more than this after its warm-up leaks. */
const GROWTH_MAX = 0.05
/** It lives through everything, so that it has the time to leak. */
const SPARE = 'n1'
/** Faults that would end it, too. */
const TOO_MUCH = ['rolling-kill', 'rolling-restart', 'restart-of-all']

interface Soaked {
  readonly minutes: number
  readonly perSecond: number
  readonly asked: number
  /** Checks of the steady load that nobody answered, or not by a decision. */
  readonly odd: number
  readonly slowestMs: number
  readonly outcomes: readonly Outcome[]
  readonly complaints: readonly string[]
  readonly memory: readonly MemoryRow[]
}

interface Wish {
  readonly minutes: number
  readonly json: boolean
}

/** @throws Error that says what is wrong. */
function wishOf(words: readonly string[]): Wish | 'help' {
  const { values } = parseArgs({
    args: [...words],
    options: {
      minutes: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const minutes = Number(values.minutes)
  if (!/^[1-9]\d{0,3}$/.test(values.minutes))
    throw new Error(`--minutes must be a whole number from 1 to 9999, is ${values.minutes}`)
  return { minutes, json: values.json }
}

type Say = (line: string) => void

/** Checks a second when all clients ask as fast as they can. */
async function capacityOf({ doors }: ChaosCluster): Promise<number> {
  const load = await Load.start({ ...PLENTY, doors, paceMs: 0 })
  await after(CAPACITY_MS)
  const { asked } = await load.stop()
  return asked / (CAPACITY_MS / 1_000)
}

async function soak(minutes: number, say: Say): Promise<Soaked> {
  const cluster = await ChaosCluster.start('loopback', NODES.loopback)
  const memory = new Memory()
  const sampling = setInterval(() => memory.sample(cluster.running), SAMPLE_MS)
  try {
    const capacity = await capacityOf(cluster)
    const perSecond = capacity * LOAD_SHARE
    say(`${countText(capacity)} checks/s are possible, ${countText(perSecond)} are asked`)
    const paceMs = (1_000 * cluster.doors.length * PLENTY.clients) / perSecond
    const load = await Load.start({ ...PLENTY, doors: cluster.doors, paceMs })
    const outcomes: Outcome[] = []
    let stopped: Awaited<ReturnType<Load['stop']>>
    try {
      await turns(cluster, performance.now() + minutes * 60_000, (outcome) => {
        outcomes.push(outcome)
        say(outcomeText(outcome))
      })
    } finally {
      stopped = await load.stop()
    }
    const { asked, slowestMs, log } = stopped
    const told = complaints(cluster.lives, new Map())
    const measured = { perSecond, asked, odd: log.length, slowestMs, outcomes }
    return { minutes, ...measured, complaints: told, memory: memory.rows() }
  } finally {
    clearInterval(sampling)
    await cluster.end()
  }
}

async function turns(cluster: ChaosCluster, endMs: number, tell: (outcome: Outcome) => void) {
  const faults = FAULTS.filter(({ on, name }) => on === 'loopback' && !TOO_MUCH.includes(name))
  for (let turnMs = performance.now(); turnMs < endMs; turnMs += TURN_MS) {
    const fault = faults[Math.floor(Math.random() * faults.length)]
    if (fault !== undefined) tell(await inject(fault, cluster, SPARE))
    turnMs = Math.max(turnMs, performance.now() - TURN_MS)
    await after(Math.max(0, turnMs + TURN_MS - performance.now()))
  }
}

/** What must not be, in words. */
function violationsOf({ outcomes, odd, complaints, memory }: Soaked): string[] {
  const spare = memory.find(({ node }) => node === SPARE)
  const growth = spare?.growth ?? 0
  return [
    ...new Set([...outcomes.flatMap(({ violations }) => violations), ...complaints]),
    ...(odd > 0 ? [`${odd} checks of the steady load were not answered`] : []),
    ...(growth > GROWTH_MAX ? [`${SPARE} grew by ${(100 * growth).toFixed(0)} %`] : []),
  ]
}

function summary(soaked: Soaked): string {
  const { minutes, perSecond, asked, odd, slowestMs, outcomes, complaints, memory } = soaked
  const within = outcomes.filter(({ isWithin }) => isWithin).length
  const worst = outcomes.reduce((max, { sure }) => Math.max(max, sure), 0)
  const lost = outcomes.reduce((sum, one) => sum + one.lost, 0)
  const deaths = outcomes.flatMap(({ falseDeaths }) => falseDeaths).length
  return [
    '| | |',
    '| --- | ---: |',
    `| time | ${minutes} min |`,
    `| steady load | ${countText(perSecond)}/s, ${countText(asked)} checks |`,
    `| not answered of these | ${odd} |`,
    `| slowest answer of these | ${Math.round(slowestMs)} ms |`,
    `| faults | ${outcomes.length} |`,
    `| bounds held | ${within} of ${outcomes.length}, worst O ${tokensText(worst)} |`,
    `| lost answers under faults | ${lost} |`,
    `| false deaths | ${deaths} |`,
    `| errors in logs | ${complaints.length} |`,
    '',
    '| node, its longest life | lived | warm | at its end | most | growth |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...memory.map(memoryLine),
  ].join('\n')
}

function memoryLine({ node, aliveMs, warmBytes, lastBytes, mostBytes, growth }: MemoryRow): string {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  const grew = growth === undefined ? 'too short to tell' : `${(100 * growth).toFixed(1)} %`
  const cells = [node, durationText(aliveMs), mib(warmBytes), mib(lastBytes), mib(mostBytes), grew]
  return `| ${cells.join(' | ')} |`
}

/** Returns whether everything is as it should be. */
async function run({ minutes, json }: Wish): Promise<boolean> {
  const say: Say = json ? console.error : console.log
  const soaked = await soak(minutes, say)
  const violations = violationsOf(soaked)
  say(`\n${summary(soaked)}\n`)
  say(violations.length === 0 ? 'held' : ['did NOT hold:', ...violations].join('\n  '))
  if (json) console.log(JSON.stringify({ ...soaked, violations }))
  return violations.length === 0
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const wish = wishOrUsage(wishOf, process.argv.slice(2), USAGE)
if (wish !== undefined && !(await run(wish))) process.exitCode = 1
