import { readFile } from 'node:fs/promises'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { createMetrics } from '../../src/metrics.ts'
import { buildDoors, postCheck, RULES } from '../support/doors.ts'

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

function checks(result: string, rule: string): string {
  return `rate_limiter_checks_total{result="${result}",strategy="token-bucket",rule="${rule}"}`
}

describe('the page of metrics', () => {
  test('has every metric with its type and labels, and no other', async () => {
    const registry = new Registry()
    const metrics = createMetrics({ rules: RULES, registry })
    metrics.readFrom({
      keys: () => 1,
      peers: () => new Map([['active', 1]]),
      partitionWeight: () => 1,
      clockOffsetsMs: () => new Map([['n2', 0]]),
    })
    metrics.rulesAre({ version: '1', definitions: RULES })
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
    const exposition = await createMetrics({ rules: [] }).exposition()
    const words = [...exposition.matchAll(/(?:reason|result|path|direction)="(\w+)"/g)]
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
    const counted = samples(await metrics.exposition())
    expect(counted.get(checks('allowed', 'per-user'))).toBe(3)
    expect(counted.get(checks('denied', 'per-user'))).toBe(2)
    expect(counted.get(checks('rejected', 'per-user'))).toBe(1)
    expect(counted.get(checks('allowed', 'login'))).toBe(1)
    expect(counted.get(checks('rejected', ''))).toBe(1)
    expect(counted.get('rate_limiter_denials_total{reason="over_limit",rule="per-user"}')).toBe(2)
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
    const counted = samples(await metrics.exposition())
    const name = 'rate_limiter_latency_seconds_count{strategy="token-bucket",path='
    expect(counted.get(`${name}"local"}`)).toBe(1)
    expect(counted.get(`${name}"forwarded"}`)).toBe(1)
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

test('metrics read twice are the same: reading counts nothing', async () => {
  const { data, metrics } = buildDoors()
  await postCheck(data, { rule: 'per-user', key: 'a' })
  expect(await metrics.exposition()).toBe(await metrics.exposition())
})

test('what the cluster does is counted', async () => {
  const metrics = createMetrics({ rules: RULES })
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
    partitionWeight: () => 2 / 3,
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
    'rate_limiter_clock_offset_seconds{peer="n2"}': -0.012,
    'rate_limiter_clock_offset_seconds{peer="n3"}': 0.25,
  })
})
