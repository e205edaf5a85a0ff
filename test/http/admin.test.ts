import { expect, test } from 'vitest'
import { buildDoors, postCheck } from '../support/doors.ts'

test('an operator sees what is held about a key, whatever its characters', async () => {
  const { data, admin } = buildDoors()
  for (const key of ['42', 'a/b', '%', '../x', 'ü ?&#', 'k'.repeat(256), '€'.repeat(85)]) {
    await postCheck(data, { rule: 'per-user', key, cost: 2 })
    const reply = await admin.inject(`/api/v1/debug/${encodeURIComponent(key)}?rule=per-user`)
    expect(reply.json(), key).toMatchObject({ rule: 'per-user', key, limits: [{ level: 2 }] })
  }
})

test.each([
  ['unknown_rule', '/api/v1/debug/42?rule=nobody'],
  ['invalid_request', '/api/v1/debug/42'],
  ['invalid_request', '/api/v1/debug/42?rule=per-user&verbose=1'],
  ['invalid_key', `/api/v1/debug/${'k'.repeat(2_000)}?rule=per-user`],
])('a question that cannot be answered is a problem: %s', async (code, url) => {
  const { admin } = buildDoors()
  const reply = await admin.inject(url)
  expect(reply.json()).toMatchObject({ status: 400, code })
})

test('the cluster is shown as this node sees it', async () => {
  const { admin, node } = buildDoors()
  expect((await admin.inject('/api/v1/cluster')).json()).toEqual(node.cluster())
})

test('keys are not shown on the data door', async () => {
  const { data } = buildDoors()
  expect((await data.inject('/api/v1/debug/42?rule=per-user')).statusCode).toBe(404)
})
