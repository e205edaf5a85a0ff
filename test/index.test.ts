import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, describe, expect, test } from 'vitest'
import { createNode, type NodeOptions, RulesError, type WeirNode } from '../src/index.ts'

// The library as an embedding program sees it: one node, no cluster, a clock of its own.

const open: WeirNode[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()))
})

const DEMO = [{ name: 'demo', limits: [{ rate: '100/s', burst: 100 }] }]

async function single(options: Partial<NodeOptions> = {}): Promise<WeirNode> {
  const node = await createNode({ rules: DEMO, ...options })
  open.push(node)
  return node
}

describe('createNode', () => {
  test('decides exactly by the clock it is given: at 100/s the 101st check waits 10 ms, not 9', async () => {
    let nowMs = 1_000
    const node = await single({ clock: { nowMs: () => nowMs } })
    const allowed = async () => {
      const answer = await node.app.inject({
        method: 'POST',
        url: '/v1/check',
        payload: { rule: 'demo', key: 'a' },
      })
      return (answer.json() as { allowed: boolean }).allowed
    }
    for (let taken = 0; taken < 100; taken++) expect(await allowed()).toBe(true)
    expect(await allowed()).toBe(false)
    nowMs += 9
    expect(await allowed()).toBe(false)
    nowMs += 1
    expect(await allowed()).toBe(true)
    expect(await allowed()).toBe(false)
  })

  test('answers its own checks at once, without a promise', async () => {
    const node = await single({ name: 'solo' })
    expect(node.check({ rule: 'demo', key: 'a' })).toMatchObject({
      allowed: true,
      remaining: 99,
      decidedBy: 'owner',
      consistency: 'exact',
      overshootBound: 0,
      weight: 1,
      owner: 'solo',
      node: 'solo',
    })
    expect(node.readiness()).toEqual({ ready: true, state: 'active' })
  })

  test('rejects what no limiter could decide, and counts nothing', async () => {
    const node = await single()
    expect(node.check({ rule: 'other', key: 'a' })).toMatchObject({ code: 'unknown_rule' })
    expect(node.check({ rule: 'demo', key: 'a', cost: 101 })).toMatchObject({
      code: 'invalid_cost',
    })
    expect(node.check({ rule: 'demo', key: 'a', cost: 0.5 })).toMatchObject({
      code: 'invalid_cost',
    })
    expect(node.check({ rule: 'demo', key: '' })).toMatchObject({ code: 'invalid_key' })
    expect(node.check({ rule: 'demo', key: 'ä'.repeat(129) })).toMatchObject({
      code: 'invalid_key',
    })
    expect(node.check({ rule: 'demo', key: 'a', cost: 0 })).toMatchObject({ remaining: 100 })
  })

  test.each<[string, NodeOptions['rules']]>([
    ['a list', DEMO],
    ['an object as in a file', { version: 1, rules: DEMO }],
    ['an object without a version', { rules: DEMO }],
    ['text', 'version: 1\nrules:\n  - { name: demo, limits: [{ rate: 100/s }] }\n'],
  ])('takes its rules as %s', async (_, rules) => {
    const node = await single({ rules })
    expect(node.rules).toEqual([
      { name: 'demo', limits: [{ rate: { count: 100, periodMs: 1_000 }, burst: 100 }] },
    ])
  })

  test('does not start with rules that make no sense, and says what is wrong', async () => {
    await expect(createNode({ rules: [{ name: 'demo', limit: [] }] })).rejects.toThrow(RulesError)
    await expect(createNode({ rules: [{ name: 'demo', limit: [] }] })).rejects.toThrow(
      'did you mean "limits"?',
    )
  })
})

describe('a node', () => {
  test('logs what is odd about its rules, as of its own time', async () => {
    const lines: string[] = []
    const log = pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) })
    const override = {
      rule: 'demo',
      key: 'a',
      limits: 'unlimited',
      expires: '1970-01-01T00:01:00Z',
    }
    const rules = { rules: DEMO, overrides: [override] }
    await single({ rules, log, clock: { nowMs: () => 59_999 } })
    expect(lines).toEqual([])
    await single({ rules, log, clock: { nowMs: () => 60_000 } })
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        level: 40,
        event: 'rules_warning',
        place: 'overrides[0].expires',
        code: 'override_expired',
        msg: expect.stringContaining('remove it, or give it a later time'),
      },
    ])
  })
})

describe('a node in the own process', () => {
  test('takes nothing from any rule when one of those that a request falls under refuses', async () => {
    const rules = [
      { name: 'narrow', match: { path: '/**' }, key: '{path}', limits: [{ rate: '1/m' }] },
      { name: 'wide', match: { path: '/**' }, key: '{method}', limits: [{ rate: '9/m' }] },
      {
        name: 'window',
        match: { path: '/**' },
        key: '{method}',
        limits: [{ rate: '9/m', algorithm: 'sliding-window' }],
      },
    ]
    const node = await single({ rules, clock: { nowMs: () => 60_000 } })
    const nothing = () => undefined
    const facts = {
      method: 'GET',
      path: '/a',
      header: nothing,
      query: nothing,
      cookie: nothing,
      descriptor: nothing,
    }
    const allowed: unknown[] = []
    for (let time = 0; time < 5; time++) {
      const answer = await node.checkRequest(facts)
      allowed.push('allowed' in answer && answer.allowed)
    }
    expect(allowed).toEqual([true, false, false, false, false])
    for (const rule of ['wide', 'window']) {
      expect(node.check({ rule, key: 'GET', cost: 0 })).toMatchObject({ remaining: 8 })
    }
  })

  test('explains an answer by the tier, the override and what each node has admitted', async () => {
    const node = await single({
      name: 'solo',
      rules: {
        tiers: { free: { limits: [{ rate: '5/m' }] }, premium: { limits: [{ rate: '50/m' }] } },
        rules: [
          {
            name: 'api',
            match: { path: '/api/**' },
            key: '{ip}',
            tier: '{header.x-plan}',
            tier_default: 'free',
          },
          { name: 'login', match: { path: '/login' }, key: '{ip}', limits: [{ rate: '5/m' }] },
        ],
        overrides: [{ rule: 'api', key: '10.*', limits: [{ rate: '7/m' }], reason: 'the office' }],
      },
    })
    const ask = async (ip: string) => {
      const described = { descriptors: {}, path: '/api/x', ip, headers: { 'x-plan': 'premium' } }
      const payload = { ...described, cost: 3, explain: true }
      return (await node.app.inject({ method: 'POST', url: '/v1/check', payload })).json()
    }
    const counted = {
      owners: ['solo'],
      limits: [{ inUse: 3, nodes: [{ node: 'solo', tokens: 3, heardMsAgo: 0 }] }],
    }
    expect((await ask('192.0.2.1')).explain).toMatchObject({
      rules: [{ rule: 'api', allowed: true, key: '192.0.2.1', tier: 'premium', ...counted }],
      unmatched: [{ rule: 'login', why: 'path' }],
    })
    expect((await ask('10.0.0.1')).explain.rules).toMatchObject([
      { rule: 'api', override: { key: '10.*', reason: 'the office' }, ...counted },
    ])
    expect(node.inspect('api@premium', '192.0.2.1')).toMatchObject({
      rule: 'api',
      limits: [{ level: 3 }],
    })
  })

  test('refuses a name that peers would refuse, and more keys than there is memory for', async () => {
    await expect(createNode({ rules: DEMO, name: '' })).rejects.toThrow('1 to 64')
    await expect(createNode({ rules: DEMO, name: 'x'.repeat(65) })).rejects.toThrow('1 to 64')
    await expect(createNode({ rules: DEMO, keysMax: 2 ** 45 })).rejects.toThrow(
      'whole number from 1',
    )
  })

  test('refuses a number of copies that would be none, or more than a few', async () => {
    for (const copies of [1, 2.5, 17]) {
      await expect(createNode({ rules: DEMO, cluster: { copies } })).rejects.toThrow(
        `copies ${copies}: give "auto", "all" or a whole number from 2 to 16`,
      )
    }
  })

  test('rejects keys that are no text: numbers would all be one key', async () => {
    const node = await single()
    const key = 1 as unknown as string
    expect(node.check({ rule: 'demo', key })).toMatchObject({ code: 'invalid_key' })
  })
})

describe('a node with a snapshot file', () => {
  test('knows after a restart what slow limits have used, and which reservations were settled', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-index-'))
    const options = {
      rules: [{ name: 'slow', limits: [{ rate: '10/h' }] }],
      snapshotFile: join(folder, 'snapshot'),
    }
    try {
      const before = await single(options)
      await before.check({ rule: 'slow', key: 'a', cost: 3 })
      const reserved = await before.reserve({ rule: 'slow', key: 'b', cost: 5 }, 60_000)
      const id = 'id' in reserved ? (reserved.id ?? '') : ''
      expect(await before.settle(id, 2)).toMatchObject({ type: 'settled', again: false })
      await before.close()
      const after = await single(options)
      expect(after.check({ rule: 'slow', key: 'a', cost: 0 })).toMatchObject({ remaining: 7 })
      expect(after.check({ rule: 'slow', key: 'b', cost: 0 })).toMatchObject({ remaining: 8 })
      expect(await after.settle(id, 2)).toMatchObject({ type: 'settled', again: true })
      await after.close()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('does not start if there can be no snapshots where they are to be', async () => {
    const nowhere = createNode({ rules: DEMO, snapshotFile: '/nowhere/at/all/snapshot' })
    await expect(nowhere).rejects.toThrow('no snapshots can be kept in /nowhere/at/all: create')
  })
})

describe('the doors of a node', () => {
  test('open together', async () => {
    const node = await single()
    const urls = await Promise.all([node.listen('127.0.0.1:0'), node.listen('127.0.0.1:0')])
    expect(new Set(urls).size).toBe(2)
    for (const url of urls) expect((await fetch(`${url}/livez`)).status).toBe(200)
  })

  test('closes twice without harm', async () => {
    const node = await single()
    await Promise.all([node.close(), node.close()])
  })
})
