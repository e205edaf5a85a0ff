import { expect, test } from 'vitest'
import { BATCH_CHECKS, keyText, keyTexts, requestBytes } from '../../bench/workload.ts'

test('keys are 24 bytes and differ', () => {
  expect(keyText(0)).toHaveLength(24)
  expect(keyText(9_999_999)).toHaveLength(24)
  expect(new Set(keyTexts(1_000)).size).toBe(1_000)
})

test('there is a request for each key, and for each whole batch of keys', () => {
  expect(requestBytes('gate', keyTexts(7))).toHaveLength(7)
  expect(requestBytes('check', keyTexts(7))).toHaveLength(7)
  const batches = requestBytes('batch', keyTexts(2 * BATCH_CHECKS + 7))
  expect(batches).toHaveLength(2)
  const [head = '', body = ''] = String(batches[1]).split('\r\n\r\n')
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`)
  const { checks } = JSON.parse(body)
  expect(checks).toHaveLength(BATCH_CHECKS)
  expect(checks[0].key).toBe(keyText(BATCH_CHECKS))
})
