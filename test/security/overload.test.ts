import { afterEach, describe, expect, test } from 'vitest'
import { close } from '../../src/http/draining.ts'
import { OVERLOAD_LAG_MS, OVERLOAD_MEMORY_MS, OVERLOAD_PATIENCE_MS } from '../../src/http/limits.ts'
import { listen } from '../../src/http/listen.ts'
import { createNode, type WeirNode } from '../../src/index.ts'
import { buildDoors } from '../support/doors.ts'

// A node that cannot keep up turns checks away before it reads them, and nothing else.

const LATE_MS = OVERLOAD_LAG_MS + 1
const TURN_MS = LATE_MS + 10

const opened: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((door) => door.close()))
})

async function openDoor() {
  const doors = buildDoors()
  const url = await listen(doors.data, '127.0.0.1:0')
  opened.push({ close: () => close(doors.data) })
  return { ...doors, url, gate: () => fetch(`${url}/v1/gate?rule=per-user&key=a`) }
}

/** So many turns in a row that are behind, from `fromMs` on; returns when the last was. */
function behind(
  shedding: { observe(lateMs: number, nowMs: number): void },
  turns: number,
  fromMs: number,
) {
  for (let turn = 0; turn < turns; turn++) shedding.observe(LATE_MS, fromMs + turn * TURN_MS)
  return fromMs + (turns - 1) * TURN_MS
}

const ENOUGH = Math.ceil(OVERLOAD_PATIENCE_MS / TURN_MS) + 1

describe('a door of a node that is behind', () => {
  test('answers checks with 503 and Retry-After, counts them and takes nothing', async () => {
    const { data, node, metrics, shedding, url, gate } = await openDoor()
    await gate()
    const before = node.inspect('per-user', 'a')
    behind(shedding, ENOUGH, 0)
    const replies = await Promise.all([
      gate(),
      fetch(`${url}/v1/forward-auth?rule=per-user&key=a`),
      fetch(`${url}/v1/check`, { method: 'POST', body: 'x'.repeat(100_000) }),
      fetch(`${url}/nowhere`),
    ])
    for (const reply of replies) {
      expect(reply.status).toBe(503)
      expect(reply.headers.get('retry-after')).toBe('1')
      expect(reply.headers.get('content-type')).toContain('application/problem+json')
      expect(await reply.json()).toMatchObject({ status: 503, code: 'overloaded' })
    }
    expect(node.inspect('per-user', 'a')).toEqual(before)
    expect(await metrics.exposition()).toContain('rate_limiter_shed_total{reason="lag"} 4')
    expect(data.server.listeners('request')).toHaveLength(1)
  })

  test('goes on answering whether it is alive and ready, and its metrics', async () => {
    const { shedding, url } = await openDoor()
    behind(shedding, ENOUGH, 0)
    for (const path of ['/livez', '/readyz', '/readyz?verbose', '/metrics']) {
      expect((await fetch(url + path)).status, path).toBe(200)
    }
    for (const path of ['/livezz', '/readyz/../v1/gate', '/metrics%2f']) {
      expect((await fetch(url + path)).status, path).toBe(503)
    }
  })

  test('answers checks again after the first turn in time', async () => {
    const { data, shedding, gate } = await openDoor()
    const router = data.server.listeners('request')
    const endMs = behind(shedding, ENOUGH, 0)
    expect(data.server.listeners('request')).not.toEqual(router)
    shedding.observe(0, endMs + TURN_MS)
    expect(data.server.listeners('request')).toEqual(router)
    expect((await gate()).status).toBe(204)
  })

  test('that opens meanwhile sheds, too; and one that closes, stays closing', async () => {
    const { data, shedding } = buildDoors()
    behind(shedding, ENOUGH, 0)
    shedding.attach(data.server)
    const url = await listen(data, '127.0.0.1:0')
    expect((await fetch(`${url}/v1/gate?rule=per-user&key=a`)).status).toBe(503)
    const closed = close(data)
    const turnAway = data.server.listeners('request')
    shedding.observe(0, 10_000)
    behind(shedding, ENOUGH, 20_000)
    shedding.observe(0, 30_000)
    expect(data.server.listeners('request')).toEqual(turnAway)
    await closed
  })
})

describe('being behind', () => {
  test('is no single stall, however long', () => {
    const { shedding } = buildDoors()
    for (let stall = 0; stall < 10; stall++) {
      shedding.observe(10_000, stall * 20_000)
      expect(shedding.active).toBe(false)
      shedding.observe(0, stall * 20_000 + 10)
    }
  })

  test('is no row of turns that are late by less than the limit', () => {
    const { shedding } = buildDoors()
    for (let turn = 0; turn < 100; turn++) shedding.observe(OVERLOAD_LAG_MS, turn * TURN_MS)
    expect(shedding.active).toBe(false)
  })

  test('is a row of late turns, and once more at the first of them soon after', () => {
    const { shedding } = buildDoors()
    behind(shedding, ENOUGH - 1, 0)
    expect(shedding.active).toBe(false)
    const endMs = behind(shedding, ENOUGH, 0)
    expect(shedding.active).toBe(true)
    shedding.observe(0, endMs + 10)
    expect(shedding.active).toBe(false)
    shedding.observe(LATE_MS, endMs + OVERLOAD_MEMORY_MS)
    expect(shedding.active).toBe(true)
    shedding.observe(0, endMs + OVERLOAD_MEMORY_MS + 10)
    shedding.observe(LATE_MS, endMs + 3 * OVERLOAD_MEMORY_MS)
    expect(shedding.active).toBe(false)
  })
})

test('a real node sheds while its event loop is held up, and its admin door does not', async () => {
  const rules = [{ name: 'demo', limits: [{ rate: { count: 100, periodMs: 1_000 }, burst: 100 }] }]
  const node: WeirNode = await createNode({ rules })
  opened.push(node)
  const data = await node.listen('127.0.0.1:0')
  const admin = await node.listenAdmin('127.0.0.1:0')
  const gate = async () => (await fetch(`${data}/v1/gate?rule=demo&key=a`)).status
  expect(await gate()).toBe(204)
  let held = true
  const hold = () => {
    const endMs = performance.now() + 2 * OVERLOAD_LAG_MS
    while (performance.now() < endMs);
    if (held) setTimeout(hold, 0)
  }
  hold()
  const statuses: number[] = []
  while (!statuses.includes(503) && statuses.length < 100) statuses.push(await gate())
  expect(statuses.at(-1)).toBe(503)
  expect((await fetch(`${admin}/api/v1/cluster`)).status).toBe(200)
  expect((await fetch(`${data}/readyz`)).status).toBe(200)
  held = false
  for (let tries = 0; tries < 100 && statuses.at(-1) !== 204; tries++) statuses.push(await gate())
  expect(statuses.at(-1)).toBe(204)
  expect(await (await fetch(`${admin}/metrics`)).text()).toMatch(
    /^rate_limiter_shed_total\{reason="lag"\} [1-9]/m,
  )
})
