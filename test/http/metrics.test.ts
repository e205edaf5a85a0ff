import { readFile } from 'node:fs/promises'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { createNode } from '../../src/index.ts'
import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts'
import { rulesFrom } from '../../src/rules/load.ts'
import { buildDoors, postCheck, RULES } from '../support/doors.ts'

const BOOK = rulesFrom(RULES)

/** Every algorithm, and every way in which a check is answered without counting. */
const EVERY_WAY = {
  tiers: {
    free: { limits: [{ rate: '1/h', algorithm: 'fixed-window' }] },
    paid: { limits: [{ rate: '9/h', algorithm: 'sliding-window' }] },
  },
  rules: [
    {
      name: 'two',
      limits: [{ rate: '2/m' }, { rate: '3/h', algorithm: 'leaky-bucket' }],
    },
    { name: 'tiered', tier: '{descriptor.plan}', tier_default: 'free' },
    { name: 'month', limits: [{ rate: '1/month' }] },
    { name: 'jobs', limits: [{ algorithm: 'concurrency', count: 1, expires: '30s' }] },
    { name: 'resting', mode: 'off', limits: [{ rate: '1/m' }] },
    {
      name: 'tried',
      mode: 'shadow',
      match: { path: '/tried' },
      key: '{header.x-user}',
      limits: [{ rate: '1/m', algorithm: 'sliding-window' }],
    },
    { name: 'keyed', match: { path: '/keyed' }, key: '{header.x-user}', limits: [{ rate: '1/m' }] },
    { name: 'both', match: { path: '/keyed' }, key: '{ip}', limits: [{ rate: '1/month' }] },
  ],
  overrides: [{ rule: 'month', key: 'boss', limits: 'unlimited' }],
}

const PAGE = new URL('../../docs/reference/metrics.md', import.meta.url)

/** `name{labels}` to value, of one exposition. */
function samples(exposition: string): Map<string, number> {
  const lines = exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1))]
    }),
  )
}

function checks(result: string, rule: string, strategy = 'token-bucket'): string {
  return `rate_limiter_checks_total{result="${result}",strategy="${strategy}",rule="${rule}"}`
}

function denials(reason: string, rule: string): string {
  return `rate_limiter_denials_total{reason="${reason}",rule="${rule}"}`
}

/** The series of these metrics that have counted something. */
async function counted(metrics: Metrics, name: RegExp): Promise<Record<string, number>> {
  const all = samples(await metrics.exposition())
  return Object.fromEntries([...all].filter(([series, count]) => name.test(series) && count > 0))
}

describe('the page of metrics', () => {
  test('has every metric with its type and labels, and no other', async () => {
    const registry = new Registry()
    const metrics = createMetrics({ book: BOOK, registry })
    metrics.readFrom({
      keys: () => 1,
      peers: () => new Map([['active', 1]]),
      partitionWeight: () => 1,
      clockOffsetsMs: () => new Map([['n2', 0]]),
    })
    const exported = (await registry.getMetricsAsJSON()).map(({ name, type, values }) => {
      const labels = values.flatMap((value) => Object.keys(value.labels))
      const own = [...new Set(labels)].filter((label) => label !== 'le').sort()
      return `${name} ${type} ${own}`
    })

    const page = await readFile(PAGE, 'utf8')
    const documented = [
      ...page.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\| (\w+) \| .+ \|$/gm),
    ].map(([, name, type, labels = '']) => {
      const own = [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label).sort()
      return `${name} ${type} ${own}`
    })
    expect(documented.sort()).toEqual(exported.sort())
  })

  test('names every word of every closed set', async () => {
    const page = await readFile(PAGE, 'utf8')
    const exposition = await createMetrics({ book: rulesFrom(EVERY_WAY) }).exposition()
    const words = [
      ...exposition.matchAll(/(?:reason|result|path|direction|strategy|action)="([\w-]+)"/g),
    ]
    expect(words.length).toBeGreaterThan(10)
    for (const [, word] of words) expect(page).toContain(`\`${word}\``)
  })
})

describe('checks over HTTP', () => {
  test('are counted by their result and rule, single or in a batch', async () => {
    const { data, metrics } = buildDoors()
    const check = { rule: 'per-user', key: 'a' }
    await postCheck(data, { checks: [check, check, check, check, { rule: 'nobody', key: 'a' }] })
    await postCheck(data, check)
    await postCheck(data, { ...check, cost: 100 })
    await postCheck(data, { rule: 'login', key: 'a' })
    const read = samples(await metrics.exposition())
    expect(read.get(checks('allowed', 'per-user'))).toBe(3)
    expect(read.get(checks('denied', 'per-user'))).toBe(2)
    expect(read.get(checks('rejected', 'per-user', 'none'))).toBe(1)
    expect(read.get(checks('allowed', 'login'))).toBe(1)
    expect(read.get(checks('rejected', '', 'none'))).toBe(1)
    expect(read.get('rate_limiter_denials_total{reason="over_limit",rule="per-user"}')).toBe(2)
  })

  test('are timed once per request, apart by whether another node was waited for', async () => {
    const { data, metrics, node } = buildDoors()
    node.remote.add('far')
    await postCheck(data, { rule: 'per-user', key: 'a' })
    const far = postCheck(data, {
      checks: [
        { rule: 'per-user', key: 'far' },
        { rule: 'per-user', key: 'b' },
      ],
    })
    await expect.poll(() => node.waiting).toBe(1)
    node.deliver()
    await far
    const read = samples(await metrics.exposition())
    const name = 'rate_limiter_latency_seconds_count{strategy="token-bucket",path='
    expect(read.get(`${name}"local"}`)).toBe(1)
    expect(read.get(`${name}"forwarded"}`)).toBe(1)
  })

  test('are timed by what decided them, a batch of several as mixed', async () => {
    const { data, metrics } = buildDoors({ rules: EVERY_WAY })
    const month = { rule: 'month', key: 'a', cost: 0 }
    await postCheck(data, month)
    await postCheck(data, { checks: [month, month] })
    await postCheck(data, { checks: [month, { rule: 'two', key: 'a' }] })
    await postCheck(data, { rule: 'nobody', key: 'a' })
    const name = 'rate_limiter_latency_seconds_count'
    expect(await counted(metrics, /latency_seconds_count/)).toEqual({
      [`${name}{strategy="calendar-window",path="local"}`]: 2,
      [`${name}{strategy="mixed",path="local"}`]: 1,
      [`${name}{strategy="none",path="local"}`]: 1,
    })
  })

  test('never make a series of a key or of an unknown rule', async () => {
    const { data, metrics } = buildDoors()
    const before = samples(await metrics.exposition()).size
    for (let i = 0; i < 20; i++) {
      await postCheck(data, { rule: `rule-${i}`, key: `key-${i}` })
      await postCheck(data, { rule: 'per-user', key: `key-${i}` })
    }
    expect(samples(await metrics.exposition()).size).toBe(before)
  })
})

describe('a check is counted under the algorithm', () => {
  const CHECKS = /^rate_limiter_(checks|denials)_total/

  test('of the limit that decided', async () => {
    const { data, metrics, node } = buildDoors({ rules: EVERY_WAY })
    const two = { rule: 'two', key: 'a' }
    await postCheck(data, { checks: [two, two, two] })
    node.nowMs += 60_000
    await postCheck(data, { checks: [two, two] })
    expect(await counted(metrics, CHECKS)).toEqual({
      [checks('allowed', 'two', 'token-bucket')]: 2,
      [checks('denied', 'two', 'token-bucket')]: 1,
      [checks('allowed', 'two', 'leaky-bucket')]: 1,
      [checks('denied', 'two', 'leaky-bucket')]: 1,
      [denials('over_limit', 'two')]: 2,
    })
  })

  test('of the tier that counts', async () => {
    const { data, metrics } = buildDoors({ rules: EVERY_WAY })
    const check = { rule: 'tiered', key: 'a' }
    await postCheck(data, { checks: [check, check, { ...check, descriptors: { plan: 'paid' } }] })
    expect(await counted(metrics, CHECKS)).toEqual({
      [checks('allowed', 'tiered', 'fixed-window')]: 1,
      [checks('denied', 'tiered', 'fixed-window')]: 1,
      [checks('allowed', 'tiered', 'sliding-window')]: 1,
      [denials('over_limit', 'tiered')]: 1,
    })
  })

  test('of none where nothing was counted: off, overridden, without a rule, or a mistake', async () => {
    const { data, metrics } = buildDoors({ rules: EVERY_WAY })
    await postCheck(data, {
      checks: [
        { rule: 'resting', key: 'a' },
        { rule: 'month', key: 'boss' },
        { descriptors: {}, path: '/elsewhere' },
        { rule: 'month', key: 'a', cost: 2 },
        { rule: 'nobody', key: 'a' },
      ],
    })
    expect(await counted(metrics, CHECKS)).toEqual({
      [checks('allowed', 'resting', 'none')]: 1,
      [checks('allowed', 'month', 'none')]: 1,
      [checks('allowed', '', 'none')]: 1,
      [checks('rejected', 'month', 'none')]: 1,
      [checks('rejected', '', 'none')]: 1,
    })
  })
})

describe('checks of described requests are counted by what each of their rules said', () => {
  const asked = (path: string, more: Record<string, string> = {}) => ({
    'x-forwarded-method': 'GET',
    'x-forwarded-uri': path,
    ...more,
  })
  const EXPECTED = {
    // Once without a user, and twice of the same.
    [checks('denied', 'keyed', 'none')]: 1,
    [denials('key_missing', 'keyed')]: 1,
    [checks('allowed', 'keyed', 'token-bucket')]: 1,
    [checks('denied', 'keyed', 'token-bucket')]: 1,
    [denials('over_limit', 'keyed')]: 1,
    // Given back to it whenever the other rule refused.
    [checks('allowed', 'both', 'calendar-window')]: 2,
    [checks('denied', 'both', 'calendar-window')]: 1,
    [denials('over_limit', 'both')]: 1,
    [checks('shadow', 'tried', 'none')]: 1,
    [checks('allowed', 'tried', 'sliding-window')]: 1,
    [checks('shadow', 'tried', 'sliding-window')]: 1,
  }
  const USER = { 'x-user': 'a' }
  const REQUESTS = [
    ['/keyed', {}],
    ['/keyed', USER],
    ['/keyed', USER],
    ['/tried', {}],
    ['/tried', USER],
    ['/tried', USER],
  ] as const

  test('by a proxy', async () => {
    const { data, metrics } = buildDoors({ rules: EVERY_WAY })
    for (const [path, more] of REQUESTS) {
      await data.inject({ url: '/v1/forward-auth', headers: asked(path, more) })
    }
    expect(await counted(metrics, /^rate_limiter_(checks|denials)_total/)).toEqual(EXPECTED)
  })

  test('in a batch', async () => {
    const { data, metrics } = buildDoors({ rules: EVERY_WAY })
    const ip = '127.0.0.1'
    await postCheck(data, {
      checks: REQUESTS.map(([path, headers]) => ({ descriptors: {}, path, ip, headers })),
    })
    expect(await counted(metrics, /^rate_limiter_(checks|denials)_total/)).toEqual(EXPECTED)
  })
})

test('an overloaded node is a reason of its own', async () => {
  const { data, metrics, node } = buildDoors()
  node.keysMax = 0
  await postCheck(data, { rule: 'per-user', key: 'a' })
  await data.inject('/v1/gate?rule=per-user&key=a')
  expect(await counted(metrics, /denials_total/)).toEqual({
    [denials('overloaded', 'per-user')]: 2,
  })
})

test('adjustments are counted by what was done, the checks of reservations as checks', async () => {
  const node = await createNode({ rules: EVERY_WAY, clock: { nowMs: () => 1_700_000_000_000 } })
  const post = async (url: string, body: object, door = node.app) =>
    (await door.inject({ method: 'POST', url, payload: body })).json()
  const job = { rule: 'jobs', key: 'a' }
  const { reservation } = await post('/v1/reserve', job)
  await post('/v1/reserve', job)
  await post('/v1/reserve', { ...job, cost: 9 })
  await post('/v1/settle', { reservation, cost: 0 })
  await post('/v1/settle', { reservation, cost: 0 })
  await post('/v1/settle', { reservation: 'x', cost: 0 })
  const month = { rule: 'month', key: 'a' }
  await post('/v1/penalty', month)
  await post('/v1/refund', month)
  await post('/v1/refund', month)
  await post('/v1/refund', { rule: 'nobody', key: 'a' })
  await post('/v1/reset', month, node.admin)
  const all = samples((await node.app.inject('/metrics')).body)
  await node.close()
  const name = /^rate_limiter_(adjustments|checks)_total/
  const done = (action: string, rule: string) =>
    `rate_limiter_adjustments_total{action="${action}",rule="${rule}"}`
  expect(
    Object.fromEntries([...all].filter(([series, count]) => name.test(series) && count > 0)),
  ).toEqual({
    [checks('allowed', 'jobs', 'concurrency')]: 1,
    [checks('denied', 'jobs', 'concurrency')]: 1,
    [checks('rejected', 'jobs', 'none')]: 1,
    [done('reserve', 'jobs')]: 1,
    [done('settle', 'jobs')]: 1,
    [done('penalty', 'month')]: 1,
    [done('refund', 'month')]: 2,
    [done('reset', 'month')]: 1,
  })
})

test('metrics read twice are the same: reading counts nothing', async () => {
  const { data, metrics } = buildDoors()
  await postCheck(data, { rule: 'per-user', key: 'a' })
  expect(await metrics.exposition()).toBe(await metrics.exposition())
})

test('what the cluster does is counted', async () => {
  const metrics = createMetrics({ book: BOOK })
  metrics.gossip('sent', 100)
  metrics.gossip('sent', 50)
  metrics.gossip('received', 7)
  metrics.forward('answered', 0.002)
  metrics.forward('timeout', 0.15)
  metrics.fallback('owner_unreachable')
  metrics.malformedFrame('shape')
  metrics.keysEvicted(3)
  metrics.ringChanged()
  metrics.tickLate(0.3)
  metrics.readFrom({
    keys: () => 42,
    peers: () =>
      new Map([
        ['active', 2],
        ['dead', 0],
      ]),
    partitionWeight: (weights) => (weights === 'nodes' ? 2 / 3 : 0.1),
    clockOffsetsMs: () =>
      new Map([
        ['n2', -12],
        ['n3', 250],
      ]),
  })
  expect(Object.fromEntries(samples(await metrics.exposition()))).toMatchObject({
    'rate_limiter_gossip_messages_total{direction="sent"}': 2,
    'rate_limiter_gossip_bytes_total{direction="sent"}': 150,
    'rate_limiter_gossip_bytes_total{direction="received"}': 7,
    'rate_limiter_forward_total{result="answered"}': 1,
    'rate_limiter_forward_total{result="timeout"}': 1,
    rate_limiter_forward_seconds_count: 1,
    'rate_limiter_fallbacks_total{reason="owner_unreachable"}': 1,
    'rate_limiter_malformed_frames_total{reason="shape"}': 1,
    rate_limiter_keys_evicted_total: 3,
    rate_limiter_ring_changes_total: 1,
    rate_limiter_event_loop_lag_seconds_sum: 0.3,
    rate_limiter_keys: 42,
    'rate_limiter_peers{state="active"}': 2,
    'rate_limiter_peers{state="dead"}': 0,
    rate_limiter_partition_weight: 2 / 3,
    rate_limiter_partition_demand_weight: 0.1,
    'rate_limiter_clock_offset_seconds{peer="n2"}': -0.012,
    'rate_limiter_clock_offset_seconds{peer="n3"}': 0.25,
  })
})
