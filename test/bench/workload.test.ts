import { expect, test } from 'vitest'
import {
  BATCH_CHECKS,
  checksIn,
  keyText,
  keyTexts,
  type Route,
  requestBytes,
} from '../../bench/workload.ts'

test('keys are 24 bytes and differ', () => {
  expect(keyText(0)).toHaveLength(24)
  expect(keyText(9_999_999)).toHaveLength(24)
  expect(new Set(keyTexts(1_000)).size).toBe(1_000)
})

test('there is a request for each key, and for each whole batch of keys', () => {
  expect(requestBytes('gate', keyTexts(7))).toHaveLength(7)
  expect(requestBytes('check', keyTexts(7))).toHaveLength(7)
  const { checks } = secondBatch('batch')
  expect(checks).toHaveLength(BATCH_CHECKS)
  expect(checks[0].key).toBe(keyText(BATCH_CHECKS))
  const { keys } = secondBatch('keys')
  expect(keys).toHaveLength(BATCH_CHECKS)
  expect(keys[0]).toBe(keyText(BATCH_CHECKS))
})

function secondBatch(route: Route) {
  const batches = requestBytes(route, keyTexts(2 * BATCH_CHECKS + 7))
  expect(batches).toHaveLength(2)
  expect(checksIn(route)).toBe(BATCH_CHECKS)
  const [head = '', body = ''] = String(batches[1]).split('\r\n\r\n')
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`)
  return JSON.parse(body)
}
