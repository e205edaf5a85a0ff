import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { CIRCUIT_FAILURES } from '../../src/client/circuit.ts'
import {
  type Client,
  type ClientOptions,
  createClient,
  WeirRequestError,
} from '../../src/client/index.ts'
import { close as closeDoor } from '../../src/http/draining.ts'
import { listen } from '../../src/http/listen.ts'
import { buildDoors } from '../support/doors.ts'
import { type Script, ScriptedServer } from '../support/scripted-server.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function client(url: string, options: Partial<ClientOptions> = {}): Client {
  const created = createClient({ url, onFailure: 'open', deadlineMs: 5_000, ...options })
  cleanups.push(() => created.close())
  return created
}

async function node(address = '127.0.0.1:0', options: Parameters<typeof buildDoors>[0] = {}) {
  const doors = buildDoors(options)
  const url = await listen(doors.data, address)
  cleanups.push(() => closeDoor(doors.data))
  return { ...doors, url }
}

async function scripted(script: Script): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(script)
  cleanups.push(() => server.stop())
  return server
}

const CHECK = { rule: 'per-user', key: 'a' }
const DECISION = { allowed: true, rule: 'per-user', reason: 'under_limit', remaining: 1 }

describe('a check', () => {
  test('is answered with what the node decided and the header fields that say so', async () => {
    const { url } = await node()
    const answer = await client(url).check({ ...CHECK, cost: 2 })
    expect(answer).toEqual({
      allowed: true,
      rule: 'per-user',
      limit: 3,
      remaining: 1,
      retryAfterMs: 0,
      resetMs: 1_200,
      reason: 'under_limit',
      decidedBy: 'owner',
      consistency: 'exact',
      overshootBound: 0,
      weight: 1,
      owner: 'n1',
      node: 'n1',
      headers: { 'ratelimit-policy': '"per-user";q=100;w=60', ratelimit: '"per-user";r=1;t=2' },
    })
  })

  test('is refused above the limit', async () => {
    const { url } = await node()
    const asking = client(url)
    for (let taken = 0; taken < 3; taken++) expect((await asking.check(CHECK)).allowed).toBe(true)
    expect(await asking.check(CHECK)).toMatchObject({
      allowed: false,
      reason: 'over_limit',
      retryAfterMs: 600,
      headers: { 'retry-after': '1' },
    })
  })

  test('takes what the rule says unless it has a cost, alone or in a batch', async () => {
    const rules = { rules: [{ name: 'dear', cost: 3, limits: [{ rate: '10/m' }] }] }
    const { url } = await node('127.0.0.1:0', { rules })
    const asking = client(url)
    expect(await asking.check({ rule: 'dear', key: 'a' })).toMatchObject({ remaining: 7 })
    expect(await asking.check({ rule: 'dear', key: 'a', cost: 1 })).toMatchObject({ remaining: 6 })
    expect(await asking.checkAll([{ rule: 'dear', key: 'a' }])).toMatchObject([{ remaining: 3 }])
  })

  test('is of the tier that its descriptors choose, alone or in a batch', async () => {
    const tiers = { free: { limits: [{ rate: '5/m' }] }, paid: { limits: [{ rate: '50/m' }] } }
    const rules = [{ name: 'api', tier: '{descriptor.plan}', tier_default: 'free' }]
    const { url } = await node('127.0.0.1:0', { rules: { tiers, rules } })
    const asking = client(url)
    const paid = { rule: 'api', key: 'a', descriptors: { plan: 'paid' } }
    expect(await asking.check(paid)).toMatchObject({ limit: 50, remaining: 49 })
    expect(await asking.checkAll([paid])).toMatchObject([{ limit: 50, remaining: 48 }])
  })

  test('goes over a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weir-client-'))
    cleanups.push(() => rm(folder, { recursive: true }))
    const { url } = await node(`unix:${join(folder, 'weir.sock')}`)
    expect(await client(url).check(CHECK)).toMatchObject({ allowed: true, remaining: 2 })
  })

  test('may be one of many at the same time: exactly the burst is allowed', async () => {
    const { url } = await node()
    const asking = client(url)
    const answers = await Promise.all(Array.from({ length: 200 }, () => asking.check(CHECK)))
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(3)
  })
})

describe('a batch', () => {
  test('is answered in its order, a mistake in its place', async () => {
    const { url } = await node()
    const answers = await client(url).checkAll([
      { ...CHECK, cost: 3 },
      CHECK,
      { rule: 'nobody', key: 'a' },
    ])
    expect(answers).toMatchObject([
      { allowed: true },
      { allowed: false },
      { error: { code: 'unknown_rule' } },
    ])
  })

  test('is answered by the failure policy as a whole', async () => {
    const server = await scripted(() => 'reset')
    const answers = await client(server.url).checkAll([CHECK, { rule: 'login', key: 'b' }])
    expect(answers).toMatchObject([
      { allowed: true, rule: 'per-user', reason: 'fallback_open' },
      { allowed: true, rule: 'login', reason: 'fallback_open' },
    ])
  })
})

describe('a mistake of the caller is thrown, whatever the failure policy', () => {
  test.each([
    ['unknown_rule', { rule: 'nobody', key: 'a' }],
    ['invalid_cost', { ...CHECK, cost: 4 }],
    ['invalid_key', { ...CHECK, key: 'x'.repeat(257) }],
    ['invalid_request', { ...CHECK, cost: 0.5 }],
  ])('%s', async (code, check) => {
    const { url } = await node()
    const mistake = client(url).check(check)
    await expect(mistake).rejects.toThrow(WeirRequestError)
    await expect(mistake).rejects.toMatchObject({
      code,
      httpStatus: 400,
      detail: expect.any(String),
    })
  })

  test('an answer without a code too', async () => {
    const server = await scripted(() => ({ status: 404, body: '<h1>Not here</h1>' }))
    await expect(client(server.url).check(CHECK)).rejects.toMatchObject({
      code: 'unexpected_answer',
      httpStatus: 404,
    })
  })

  test('and never opens the circuit', async () => {
    const { url } = await node()
    const asking = client(url)
    for (let wrong = 0; wrong < 2 * CIRCUIT_FAILURES; wrong++) {
      await expect(asking.check({ rule: 'nobody', key: 'a' })).rejects.toThrow('unknown_rule')
    }
    expect(await asking.check(CHECK)).toMatchObject({ reason: 'under_limit' })
  })
})

describe.each([
  ['unreachable', () => 'reset'],
  ['unavailable', () => ({ status: 503, body: { code: 'draining', detail: 'Leaving.' } })],
  ['server_error', () => ({ status: 500, body: { code: 'internal', detail: 'A bug.' } })],
  ['server_error', () => ({ status: 429, body: '' })],
  ['bad_answer', () => ({ status: 200, body: '<h1>Welcome</h1>' })],
  ['bad_answer', () => ({ status: 302, headers: { location: '/' }, body: '' })],
] satisfies [string, Script][])('a limiter that fails (%s)', (code, script) => {
  test('lets everybody pass when told to fail open', async () => {
    const server = await scripted(script)
    expect(await client(server.url).check(CHECK)).toEqual({
      allowed: true,
      rule: 'per-user',
      reason: 'fallback_open',
      retryAfterMs: 0,
      failure: { code, detail: expect.any(String) },
    })
  })

  test('lets nobody pass when told to fail closed', async () => {
    const server = await scripted(script)
    expect(await client(server.url, { onFailure: 'closed' }).check(CHECK)).toEqual({
      allowed: false,
      rule: 'per-user',
      reason: 'overloaded',
      retryAfterMs: 1_000,
      failure: { code, detail: expect.any(String) },
    })
  })
})

test('nobody listening is a failure of the limiter', async () => {
  const server = await scripted(() => 'reset')
  const { url } = server
  await server.stop()
  expect(await client(url).check(CHECK)).toMatchObject({
    reason: 'fallback_open',
    failure: { code: 'unreachable', detail: expect.stringContaining('ECONNREFUSED') },
  })
})

describe('a deadline', () => {
  test('ends the waiting for a node that says nothing', async () => {
    const server = await scripted(() => 'silence')
    const startMs = performance.now()
    const answer = await client(server.url, { deadlineMs: 50 }).check(CHECK)
    expect(answer).toMatchObject({ reason: 'fallback_open', failure: { code: 'deadline' } })
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(49)
    expect(performance.now() - startMs).toBeLessThan(2_000)
  })

  test('is not missed by an answer that arrived while this program was busy', async () => {
    const asking = client(await otherThread(DECISION), { deadlineMs: 200 })
    await asking.check(CHECK)
    const answer = asking.check(CHECK)
    // Two turns of the loop, and undici has written the request.
    await setImmediate()
    await setImmediate()
    const untilMs = performance.now() + 300
    while (performance.now() < untilMs) Math.sqrt(untilMs)
    expect(await answer).toMatchObject({ reason: 'under_limit' })
  })
})

/** A server that can answer while this thread is busy. */
async function otherThread(answer: object): Promise<string> {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    require('node:http')
      .createServer((request, response) => request.resume().on('end', () => response.end(workerData)))
      .listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port) })`
  const worker = new Worker(program, { eval: true, workerData: JSON.stringify(answer) })
  cleanups.push(() => worker.terminate())
  const [port] = await once(worker, 'message')
  return `http://127.0.0.1:${port}`
}

describe('a limiter that stays dead', () => {
  test('costs the deadline of the first few checks, and then nothing', async () => {
    const server = await scripted(() => 'silence')
    const asking = client(server.url, { deadlineMs: 40 })
    for (let failed = 0; failed < CIRCUIT_FAILURES; failed++) {
      expect(await asking.check(CHECK)).toMatchObject({ failure: { code: 'deadline' } })
    }
    const startMs = performance.now()
    for (let checks = 0; checks < 100; checks++) {
      expect(await asking.check(CHECK)).toMatchObject({ failure: { code: 'circuit_open' } })
    }
    expect(performance.now() - startMs).toBeLessThan(500)
    expect(server.asked.length).toBe(CIRCUIT_FAILURES)
  })

  test('is looked after by asking without taking, and used again once it is back', async () => {
    const server = await scripted(() => 'reset')
    const asking = client(server.url)
    for (let failed = 0; failed < CIRCUIT_FAILURES; failed++) await asking.check(CHECK)
    server.script = () => ({ status: 200, body: DECISION })
    await expect
      .poll(async () => (await asking.check(CHECK)).reason, { timeout: 10_000 })
      .toBe('under_limit')
    expect(server.asked[CIRCUIT_FAILURES]).toEqual({ ...CHECK, cost: 0 })
  })
})

describe('a node that names a time to come back', () => {
  test('is not asked before it', async () => {
    const server = await scripted((_body, asked) =>
      asked === 1
        ? { status: 503, headers: { 'retry-after': '1' }, body: { code: 'overloaded' } }
        : { status: 200, body: DECISION },
    )
    const asking = client(server.url, { onFailure: 'closed' })
    const startMs = performance.now()
    expect(await asking.check(CHECK)).toMatchObject({ failure: { code: 'unavailable' } })
    const paused = await asking.check(CHECK)
    expect(paused).toMatchObject({ allowed: false, failure: { code: 'circuit_open' } })
    expect(paused.retryAfterMs).toBeGreaterThan(0)
    expect(paused.retryAfterMs).toBeLessThanOrEqual(1_000)
    expect(server.asked.length).toBe(1)
    await expect.poll(async () => (await asking.check(CHECK)).allowed).toBe(true)
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(999)
    expect(server.asked.length).toBe(2)
  })
})

describe('a signal', () => {
  test('ends the waiting, and is no failure of the limiter', async () => {
    const server = await scripted(() => 'silence')
    const asking = client(server.url, { deadlineMs: 200 })
    const controller = new AbortController()
    const answer = asking.check(CHECK, { signal: controller.signal })
    await expect.poll(() => server.asked.length).toBe(1)
    controller.abort(new Error('the user left'))
    await expect(answer).rejects.toThrow('the user left')
  })

  test('that is aborted already asks nothing', async () => {
    const server = await scripted(() => 'silence')
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(client(server.url).check(CHECK, { signal })).rejects.toThrow('too late')
    expect(server.asked).toEqual([])
  })
})

describe('close', () => {
  test('answers what is under way, twice called or not, and takes no more', async () => {
    const { url, node: limiter } = await node()
    limiter.remote.add('far')
    const asking = client(url)
    const far = asking.check({ rule: 'per-user', key: 'far' })
    await expect.poll(() => limiter.waiting).toBe(1)
    const closed = Promise.all([asking.close(), asking.close()])
    await expect(asking.check(CHECK)).rejects.toThrow('closed')
    limiter.deliver()
    expect(await far).toMatchObject({ allowed: true, owner: 'n2' })
    await closed
  })
})

describe('an option that cannot be used is an error that says how to mend it', () => {
  const good = { url: 'http://127.0.0.1:1', onFailure: 'open' } as const
  test.each([
    [{ ...good, url: '127.0.0.1:8080' }, 'write http://host:port, https://host:port or unix:/path'],
    [{ ...good, url: 'http://127.0.0.1:1/v1/check' }, 'without a user, path or query'],
    [{ ...good, url: 'http://me:secret@127.0.0.1:1' }, 'without a user, path or query'],
    [{ ...good, url: 'unix:' }, 'write http://host:port, https://host:port or unix:/path'],
    [{ ...good, deadlineMs: 0 }, 'whole number from 1 to 60000'],
    [{ ...good, deadlineMs: Number.NaN }, 'whole number from 1 to 60000'],
    [{ ...good, onFailure: 'opne' as 'open' }, 'choose "open" or "closed"'],
  ])('%j', (options, message) => {
    expect(() => createClient(options)).toThrow(message)
  })
})
