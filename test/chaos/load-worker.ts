import { setTimeout as after } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { Pool } from 'undici'
import type { Answer } from '../../src/limiter/check.ts'
import { poolTo } from './door.ts'
import type { LoadPlan, Logged } from './load.ts'
import { nowMs, type Question, type Seen } from './seen.ts'

// The clients of one door, in a thread of their own. Each asks its own node, and the others in turn when that one
// does not answer, as an application would; each writes down what it saw.

/** A node that has just failed is not asked first again so soon. */
const AVOIDED_MS = 250
/** Between two rounds in which nobody answered. */
const PAUSE_MS = 20
/** A Unix socket's file goes with its node. */
const NOT_THERE = new Set(['ECONNREFUSED', 'ENOENT'])
const HEADERS = { 'content-type': 'application/json' }

const { plan, home } = workerData as { readonly plan: LoadPlan; readonly home: number }
const { doors, rule, key, keys, clients, paceMs, attemptMs, deadlineMs, keep } = plan
const pools = doors.map((door) => poolTo(door, { connections: clients, pipelining: 1 }))
const failedMs = doors.map(() => Number.NEGATIVE_INFINITY)
const log: Seen[] = []
let slowestMs = 0
let running = true
let asked = 0

/**
 * `away`: nobody listens there, or requests are turned away while the node shuts down. `silent`: the question may have
 * arrived, but no answer came.
 */
type Told = Pick<Seen, 'status' | 'allowed' | 'degraded'> | 'away' | 'silent'

async function ask(pool: Pool, body: string): Promise<Told> {
  const patience = new AbortController()
  const timer = setTimeout(() => patience.abort(), attemptMs)
  try {
    const request = { method: 'POST', path: '/v1/check', headers: HEADERS, body } as const
    const answer = await pool.request({ ...request, signal: patience.signal })
    const { allowed = false, consistency } = (await answer.body.json()) as Partial<Answer>
    if (answer.statusCode === 503) return 'away'
    return { status: answer.statusCode, allowed, degraded: consistency === 'degraded' }
  } catch (error) {
    return NOT_THERE.has((error as NodeJS.ErrnoException).code ?? '') ? 'away' : 'silent'
  } finally {
    clearTimeout(timer)
  }
}

/** Its own node first, unless that has just failed. */
function order(): number[] {
  const rotated = doors.map((_, turn) => (home + turn) % doors.length)
  const isAvoided = (door: number) => nowMs() - (failedMs[door] ?? 0) < AVOIDED_MS
  return [...rotated].sort((a, b) => Number(isAvoided(a)) - Number(isAvoided(b)))
}

async function check(): Promise<Seen> {
  const wantedMs = nowMs()
  asked += 1
  // Some checks weigh more than others.
  const cost = asked % 10 === 0 ? 3 : 1
  const name = keys === 1 ? key : `${key}-${Math.floor(Math.random() * keys)}`
  const body = JSON.stringify({ rule, key: name, cost })
  const unanswered: Question[] = []
  for (;;) {
    for (const door of order()) {
      const sentMs = nowMs()
      const answer = await ask(pools[door] as Pool, body)
      const doneMs = nowMs()
      const seen = { wantedMs, sentMs, doneMs, cost, unanswered }
      if (typeof answer === 'object') return { ...seen, ...answer }
      failedMs[door] = doneMs
      if (answer === 'silent') unanswered.push({ sentMs, doneMs })
      if (doneMs - wantedMs > deadlineMs)
        return { ...seen, status: 0, allowed: false, degraded: false }
    }
    await after(PAUSE_MS)
  }
}

function write(seen: Seen): void {
  slowestMs = Math.max(slowestMs, seen.doneMs - seen.sentMs)
  if (keep === 'all' || seen.status !== 200) log.push(seen)
}

async function client(): Promise<void> {
  let turnMs = nowMs() + Math.random() * paceMs
  while (running) {
    const waitMs = turnMs - nowMs()
    if (waitMs > 0) await after(waitMs)
    write(await check())
    turnMs = Math.max(turnMs + paceMs, nowMs())
  }
}

async function connected(): Promise<void> {
  const warmed = pools.map((pool) => pool.request({ method: 'GET', path: '/livez' }))
  for (const answer of await Promise.allSettled(warmed))
    if (answer.status === 'fulfilled') await answer.value.body.dump()
}

parentPort?.on('message', async (word: 'go' | 'stop') => {
  if (word === 'stop') {
    running = false
    return
  }
  await Promise.all(Array.from({ length: clients }, client))
  await Promise.all(pools.map((pool) => pool.destroy()))
  parentPort?.postMessage({ asked, slowestMs, log } satisfies Logged)
  parentPort?.close()
})
await connected()
parentPort?.postMessage('ready')
