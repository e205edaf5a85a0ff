import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BATCH_BODY_BYTES_MAX,
  BATCH_CHECKS_MAX,
  BODY_BYTES_MAX,
  FAULTS_LISTED_MAX,
} from '../../src/http/limits.ts'
import { createNode } from '../../src/index.ts'
import { buildDoors, postCheck } from '../support/doors.ts'

/** Every way in which a key can be answered, with another answer for some keys of the same rule. */
const RULES = {
  tiers: {
    free: { limits: [{ rate: '3/m' }] },
    paid: { limits: [{ rate: '9/m' }] },
  },
  rules: [
    { name: 'per-user', limits: [{ rate: '100/m', burst: 3 }] },
    { name: 'two', limits: [{ rate: '5/10s' }, { rate: '30/h', burst: 10 }] },
    { name: 'tiered', tier: '{descriptor.plan}', tier_default: 'free' },
    { name: 'tried', mode: 'shadow', limits: [{ rate: '3/m' }] },
    { name: 'resting', mode: 'off', limits: [{ rate: '3/m' }] },
  ],
  overrides: [
    { rule: 'per-user', key: 'boss', limits: 'unlimited' },
    { rule: 'per-user', key: 'small', limits: [{ rate: '2/m' }] },
    { rule: 'tried', key: 'b', limits: [{ rate: '6/m' }] },
  ],
}
const FIELDS = [
  'allowed',
  'limit',
  'remaining',
  'retryAfterMs',
  'resetMs',
  'reason',
  'decidedBy',
  'consistency',
] as const

type Door = ReturnType<typeof buildDoors>['data']

interface Keys {
  readonly rule: string
  readonly keys: readonly string[]
  readonly cost?: number
  readonly descriptors?: Readonly<Record<string, string>>
}

/** The answers, in full, turned into columns. */
async function columnsOfBatch(data: Door, { keys, ...check }: Keys): Promise<unknown> {
  const reply = await postCheck(data, { checks: keys.map((key) => ({ ...check, key })) })
  const { answers } = reply.json()
  return Object.fromEntries(
    FIELDS.map((field) => [field, answers.map((one: Record<string, unknown>) => one[field])]),
  )
}

async function columnsOfKeys(data: Door, keys: Keys): Promise<unknown> {
  const reply = await postCheck(data, keys)
  expect(reply.statusCode, reply.body).toBe(200)
  return reply.json().answers
}

describe('many keys of one rule', () => {
  test('are answered as a batch of them is, field by field', async () => {
    const key = fc.constantFrom('a', 'b', 'boss', 'small', '__proto__', '"\\', '🚲')
    const asked = fc.record(
      {
        rule: fc.constantFrom('per-user', 'two', 'tiered', 'tried', 'resting'),
        keys: fc.array(key, { minLength: 1, maxLength: 12 }),
        cost: fc.nat(2),
        descriptors: fc.constantFrom({}, { plan: 'paid' }, { plan: 'none' }),
      },
      { requiredKeys: ['rule', 'keys'] },
    )
    const [one, other] = [buildDoors({ rules: RULES }), buildDoors({ rules: RULES })]
    await fc.assert(
      fc.asyncProperty(asked, fc.nat(40_000), async (keys, laterMs) => {
        one.node.nowMs += laterMs
        other.node.nowMs += laterMs
        expect(await columnsOfKeys(one.data, keys)).toEqual(await columnsOfBatch(other.data, keys))
      }),
      { numRuns: 200 },
    )
    const counted = countsOf(await one.metrics.exposition())
    expect(counted).toEqual(countsOf(await other.metrics.exposition()))
    expect(counted.join()).toMatch(/result="denied".*result="shadow"/)
  })

  test('are answered in their order, whatever order the answers come in', async () => {
    const { data, node } = buildDoors()
    node.remote.add('far').add('farther')
    const keys = ['near', 'far', 'near', 'farther', 'near', 'near']
    const reply = postCheck(data, { rule: 'per-user', keys })
    await expect.poll(() => node.waiting).toBe(2)
    node.deliver()
    const { allowed, remaining } = (await reply).json().answers
    expect(allowed).toEqual([true, true, true, true, true, false])
    expect(remaining).toEqual([2, 2, 1, 2, 0, 0])
  })

  test('say how long to wait for the turn, where the rule shapes', async () => {
    const limits = [{ rate: '10/s', burst: 3, algorithm: 'leaky-bucket' }]
    const node = await createNode({ rules: { rules: [{ name: 'work', limits }] } })
    const keys = ['a', 'a', 'b', 'a', 'a']
    const headers = { 'content-type': 'application/json' }
    const payload = { rule: 'work', keys }
    const reply = await node.app.inject({ method: 'POST', url: '/v1/check', headers, payload })
    const { answers } = reply.json()
    await node.close()
    expect(answers.allowed).toEqual([true, true, true, true, false])
    expect(answers.delayMs).toEqual([0, 100, 0, 200, 0])
    expect(Object.keys(answers)).toEqual([...FIELDS, 'delayMs'])
  })

  test('are answered without rate limit headers', async () => {
    const { data } = buildDoors()
    const { headers } = await postCheck(data, { rule: 'per-user', keys: ['a'] })
    expect(Object.keys(headers).filter((name) => /limit|retry/.test(name))).toEqual([])
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
  })

  test('are as many as the limit says, and not one more', async () => {
    const { data } = buildDoors()
    const keys = Array.from({ length: BATCH_CHECKS_MAX }, (_, i) => `k${i}`)
    const { answers } = (await postCheck(data, { rule: 'per-user', keys })).json()
    expect(answers.allowed).toHaveLength(BATCH_CHECKS_MAX)
    const tooMany = await postCheck(data, { rule: 'per-user', keys: [...keys, 'last'] })
    expect(tooMany.json()).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/keys' }],
    })
  })

  test('may be longer than a single check may be, but no longer than a batch', async () => {
    const { data } = buildDoors()
    const text = '{"rule":"per-user","keys":["a"]}'
    expect((await postCheck(data, text.padEnd(BODY_BYTES_MAX + 1))).statusCode).toBe(200)
    expect((await postCheck(data, text.padEnd(BATCH_BODY_BYTES_MAX))).statusCode).toBe(200)
    expect((await postCheck(data, text.padEnd(BATCH_BODY_BYTES_MAX + 1))).statusCode).toBe(413)
  })
})

describe('keys of which one cannot be asked for', () => {
  const long = 'x'.repeat(257)
  const cases: [why: string, body: object, code: string, pointers: string[]][] = [
    ['no such rule', { rule: 'nobody', keys: ['a', ''] }, 'unknown_rule', ['/rule']],
    ['a cost above the burst', { keys: ['a', 'b'], cost: 4 }, 'invalid_cost', ['/cost']],
    ['a cost above that of one key', { keys: ['a', 'small'], cost: 3 }, 'invalid_cost', ['/cost']],
    ['a key that is empty', { keys: ['a', ''] }, 'invalid_key', ['/keys/1']],
    ['keys too long', { keys: [long, 'a', long] }, 'invalid_key', ['/keys/0', '/keys/2']],
    [
      'one not limited, too long',
      { rule: 'resting', keys: ['a', long] },
      'invalid_key',
      ['/keys/1'],
    ],
    ['a key that is no text', { keys: ['a', 5] }, 'invalid_request', ['/keys/1']],
    ['no key', { keys: [] }, 'invalid_request', ['/keys']],
    ['keys that are no list', { keys: 'a' }, 'invalid_request', ['/keys']],
    ['no rule', { rule: undefined, keys: ['a'] }, 'invalid_request', ['']],
    ['a key beside them', { keys: ['a'], key: 'b' }, 'invalid_request', ['/key']],
    ['a wish to explain', { keys: ['a'], explain: true }, 'invalid_request', ['/explain']],
    [
      'checks beside them',
      { keys: ['a'], checks: [] },
      'invalid_request',
      ['/rule', '/keys', '/checks'],
    ],
    ['a cost in words', { keys: ['a'], cost: '1' }, 'invalid_request', ['/cost']],
  ]

  test.each(cases)('are refused, and none is counted: %s', async (_why, more, code, pointers) => {
    const { data } = buildDoors({ rules: RULES })
    const reply = await postCheck(data, { rule: 'per-user', ...more })
    expect(reply.statusCode).toBe(400)
    expect(reply.headers['content-type']).toContain('application/problem+json')
    const problem = reply.json()
    expect(problem.code).toBe(code)
    expect(problem.errors.map((fault: { pointer: string }) => fault.pointer)).toEqual(pointers)
    expect(problem.errorCount).toBe(pointers.length)
    expect(problem.detail).toContain(`body ${pointers[0]}`.trim())
    const after = await postCheck(data, { rule: 'per-user', keys: ['a', 'b', 'small'], cost: 0 })
    expect(after.json().answers.remaining).toEqual([3, 3, 2])
  })

  test('are told as a single check is, and which key it was', async () => {
    const { data } = buildDoors({ rules: RULES })
    const single = (await postCheck(data, { rule: 'per-user', key: 'small', cost: 3 })).json()
    const { code, errors } = (
      await postCheck(data, { rule: 'per-user', keys: ['a', 'small'], cost: 3 })
    ).json()
    expect(code).toBe(single.code)
    expect(errors[0].detail).toBe(`${single.detail} (asked for /keys/1)`)
  })

  test('are listed up to a bound, and numbered', async () => {
    const { data } = buildDoors()
    const keys = Array.from({ length: 500 }, () => '')
    const problem = (await postCheck(data, { rule: 'per-user', keys })).json()
    expect(problem.errors).toHaveLength(FAULTS_LISTED_MAX)
    expect(problem.errorCount).toBe(500)
  })

  test('are all counted as rejected, in one request', async () => {
    const { data, metrics } = buildDoors()
    await postCheck(data, { rule: 'per-user', keys: ['a', 'b', ''] })
    const text = await metrics.exposition()
    expect(countsOf(text)).toEqual([
      'rate_limiter_checks_total{result="rejected",strategy="none",rule="per-user"} 3',
    ])
    expect(text).toContain('rate_limiter_latency_seconds_count{strategy="none",path="local"} 1\n')
  })
})

/** What was counted of checks, above 0. */
function countsOf(exposition: string): string[] {
  return exposition.split('\n').filter((line) => /^rate_limiter_(checks|denials).* [^0]/.test(line))
}
