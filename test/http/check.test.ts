import { describe, expect, test } from 'vitest'
import { BATCH_CHECKS_MAX, BODY_BYTES_MAX } from '../../src/http/limits.ts'
import { buildDoors, postCheck } from '../support/doors.ts'

const RULE = 'per-user'

describe('a single check', () => {
  test('is allowed until its tokens are used up, and both answers are 200', async () => {
    const { data } = buildDoors()
    const allowed: boolean[] = []
    for (let i = 0; i < 5; i++) {
      const reply = await postCheck(data, { rule: RULE, key: 'a' })
      expect(reply.statusCode).toBe(200)
      allowed.push(reply.json().allowed)
    }
    expect(allowed).toEqual([true, true, true, false, false])
  })

  test('of cost 0 asks and takes nothing', async () => {
    const { data } = buildDoors()
    const remaining: number[] = []
    for (const cost of [0, 1, 0, 2, 0]) {
      remaining.push((await postCheck(data, { rule: RULE, key: 'a', cost })).json().remaining)
    }
    expect(remaining).toEqual([3, 2, 2, 0, 0])
  })

  test('that waits for another node is answered when that node answers', async () => {
    const { data, node } = buildDoors()
    node.remote.add('far')
    const reply = postCheck(data, { rule: RULE, key: 'far' })
    await expect.poll(() => node.waiting).toBe(1)
    node.deliver()
    expect((await reply).json()).toMatchObject({ allowed: true, owner: 'n2', node: 'n1' })
  })

  test('shows nothing of an answer but the documented fields', async () => {
    const { data } = buildDoors()
    const body = (await postCheck(data, { rule: RULE, key: 'a' })).json()
    expect(body).not.toHaveProperty('type')
    expect(body).not.toHaveProperty('limitIndex')
  })

  test('may have any string but an empty one as its key, the names of object properties included', async () => {
    const { data } = buildDoors()
    for (const key of ['__proto__', 'constructor', 'valueOf', 'hasOwnProperty', '\u0000', '🚲']) {
      const reply = await postCheck(data, { rule: RULE, key, cost: 3 })
      expect(reply.json(), key).toMatchObject({ allowed: true, remaining: 0 })
    }
    const empty = await postCheck(data, { rule: RULE, key: '' })
    expect(empty.json()).toMatchObject({ status: 400, code: 'invalid_key' })
    for (const rule of ['__proto__', 'constructor']) {
      expect((await postCheck(data, { rule, key: 'a' })).json().code).toBe('unknown_rule')
    }
  })
})

describe('a request that does not fit', () => {
  const check = { rule: RULE, key: 'a' }
  const cases: [why: string, body: unknown, pointers: string[]][] = [
    ['text is not converted to a number', { ...check, cost: '5' }, ['/cost']],
    ['true is not converted to a number', { ...check, cost: true }, ['/cost']],
    ['null is not converted to a number', { ...check, cost: null }, ['/cost']],
    ['a number is not converted to text', { ...check, key: 5 }, ['/key']],
    ['a cost is whole', { ...check, cost: 1.5 }, ['/cost']],
    ['a cost is not negative', { ...check, cost: -1 }, ['/cost']],
    ['an unknown property is refused', { ...check, limit: 5 }, ['/limit']],
    ['a missing property is named where it is missing', { rule: RULE }, ['']],
    ['a body is an object', [], ['']],
    ['a body is not null', null, ['']],
    ['a batch is not empty', { checks: [] }, ['/checks']],
    ['a batch is a list', { checks: check }, ['/checks']],
    ['a batch holds nothing else', { ...check, checks: [check] }, ['/rule', '/key']],
    [
      'all faults are listed',
      { checks: [check, { ...check, cost: '1', 'a/b~c': 1 }, { key: 'a' }] },
      ['/checks/1/a~1b~0c', '/checks/1/cost', '/checks/2'],
    ],
    ['no body is no check', '{"rule":"per-user","key":"a","__proto__":{"cost":0}}', ['/__proto__']],
    [
      'a constructor is not a property of a check',
      '{"rule":"per-user","key":"a","constructor":{"prototype":{}}}',
      ['/constructor'],
    ],
  ]

  test.each(cases)('is refused, and nothing is counted: %s', async (_why, body, pointers) => {
    const { data } = buildDoors()
    const reply = await postCheck(data, body)
    expect(reply.statusCode).toBe(400)
    expect(reply.headers['content-type']).toContain('application/problem+json')
    const problem = reply.json()
    expect(problem.code).toBe('invalid_request')
    expect(problem.errors.map((fault: { pointer: string }) => fault.pointer)).toEqual(pointers)
    expect(problem.errorCount).toBe(pointers.length)
    const after = await postCheck(data, { ...check, cost: 0 })
    expect(after.json().remaining).toBe(3)
  })

  test('lists a bounded number of faults and says how many there are', async () => {
    const { data } = buildDoors()
    const checks = Array.from({ length: 500 }, () => ({ rule: RULE }))
    const problem = (await postCheck(data, { checks })).json()
    expect(problem.errors).toHaveLength(32)
    expect(problem.errorCount).toBe(500)
  })

  test('leaves the prototype of objects alone', async () => {
    const { data } = buildDoors()
    await postCheck(data, '{"rule":"per-user","key":"a","__proto__":{"polluted":true}}')
    await data.inject('/v1/gate?__proto__[polluted]=1&__proto__=1&rule=per-user&key=a')
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})

describe('a check that the limiter rejects', () => {
  test.each([
    ['unknown_rule', { rule: 'nobody', key: 'a' }],
    ['invalid_cost', { rule: RULE, key: 'a', cost: 4 }],
    ['invalid_key', { rule: RULE, key: 'a'.repeat(257) }],
    ['invalid_key', { rule: RULE, key: 'é'.repeat(129) }],
  ])('is a 400 with the code %s', async (code, body) => {
    const { data } = buildDoors()
    const reply = await postCheck(data, body)
    expect(reply.statusCode).toBe(400)
    expect(reply.json()).toMatchObject({ status: 400, code })
  })
})

describe('a batch', () => {
  test('is answered in its order, whatever order the answers come in', async () => {
    const { data, node } = buildDoors()
    node.remote.add('far').add('farther')
    const keys = ['near', 'far', 'near', 'farther', 'near', 'near']
    const reply = postCheck(data, { checks: keys.map((key) => ({ rule: RULE, key })) })
    await expect.poll(() => node.waiting).toBe(2)
    node.deliver()
    const { answers } = (await reply).json()
    expect(
      answers.map((a: { owner: string; remaining: number }) => [a.owner, a.remaining]),
    ).toEqual([
      ['n1', 2],
      ['n2', 2],
      ['n1', 1],
      ['n2', 2],
      ['n1', 0],
      ['n1', 0],
    ])
    expect(answers.at(-1).allowed).toBe(false)
  })

  test('has the error of a rejected check in its place, and counts the others', async () => {
    const { data } = buildDoors()
    const reply = await postCheck(data, {
      checks: [
        { rule: RULE, key: 'a', cost: 2 },
        { rule: 'nobody', key: 'a' },
        { rule: RULE, key: 'a', cost: 4 },
        { rule: RULE, key: 'a' },
      ],
    })
    expect(reply.statusCode).toBe(200)
    const { answers } = reply.json()
    expect(answers[0]).toMatchObject({ allowed: true, remaining: 1 })
    expect(answers[1]).toEqual({ error: { code: 'unknown_rule', detail: expect.any(String) } })
    expect(answers[2].error.code).toBe('invalid_cost')
    expect(answers[3]).toMatchObject({ allowed: true, remaining: 0 })
  })

  test('holds as many checks as the limit says, and not one more', async () => {
    const { data } = buildDoors()
    const checks = Array.from({ length: BATCH_CHECKS_MAX }, (_, i) => ({
      rule: RULE,
      key: `k${i}`,
    }))
    expect((await postCheck(data, { checks })).json().answers).toHaveLength(BATCH_CHECKS_MAX)
    const tooMany = await postCheck(data, { checks: [...checks, { rule: RULE, key: 'last' }] })
    expect(tooMany.json().errors).toMatchObject([{ pointer: '/checks' }])
  })

  test('may be longer than a single check may be', async () => {
    const { data } = buildDoors()
    const checks = Array.from({ length: 100 }, (_, i) => ({ rule: RULE, key: `${i}`.padEnd(200) }))
    const text = JSON.stringify({ checks })
    expect(text.length).toBeGreaterThan(BODY_BYTES_MAX)
    expect((await postCheck(data, text)).statusCode).toBe(200)
  })
})

test('a defect in a handler is a 500 that says nothing about the inside, and is reported', async () => {
  const { data, node, internalErrors } = buildDoors()
  const defect = new TypeError('secret detail')
  node.check = () => {
    throw defect
  }
  const reply = await postCheck(data, { rule: RULE, key: 'a' })
  expect(reply.statusCode).toBe(500)
  expect(reply.json().code).toBe('internal')
  expect(reply.body).not.toContain('secret')
  expect(internalErrors).toEqual([defect])
})
