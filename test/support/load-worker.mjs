// One worker of test/support/load.ts: plain JavaScript, because a worker thread starts from a file.

import { parentPort, workerData } from 'node:worker_threads'
import { Pool } from 'undici'

const { urls, rule, key, durationMs, connections, worker } = workerData
const pools = urls.map((url) => new Pool(url, { connections, pipelining: 1 }))
const body = JSON.stringify({ rule, key })
const headers = { 'content-type': 'application/json' }
const now = () => performance.timeOrigin + performance.now()
const endMs = now() + durationMs
const log = []

/** One check at one node; status 0 stands for a connection that failed. */
async function check(pool) {
  const sentMs = now()
  try {
    const answer = await pool.request({ method: 'POST', path: '/v1/check', headers, body })
    const { allowed = false, decidedBy = '' } = await answer.body.json()
    log.push({ sentMs, doneMs: now(), status: answer.statusCode, allowed, decidedBy })
    return answer.statusCode === 200
  } catch {
    log.push({ sentMs, doneMs: now(), status: 0, allowed: false, decidedBy: '' })
    return false
  }
}

async function client(number) {
  let node = number % urls.length
  while (now() < endMs) {
    if (!(await check(pools[node]))) node = (node + 1) % urls.length
  }
}

await Promise.all(Array.from({ length: connections }, (_, index) => client(worker + index)))
parentPort.postMessage(log)
await Promise.all(pools.map((pool) => pool.destroy()))
