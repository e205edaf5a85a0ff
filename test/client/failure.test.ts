import { expect, test } from 'vitest'
import { RETRY_AFTER_MS_MAX, readRetryAfterMs } from '../../src/client/failure.ts'

const NOW_MS = Date.UTC(2026, 0, 1)

test.each([
  [undefined, 0],
  ['', 0],
  ['0', 0],
  ['7', 7_000],
  ['-1', 0],
  ['soon', 0],
  ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['Wed, 31 Dec 2025 23:59:59 GMT', 0],
  ['99999999999999999999', RETRY_AFTER_MS_MAX],
])('Retry-After %s asks for a pause of %i ms', (field, ms) => {
  expect(readRetryAfterMs(field, NOW_MS)).toBe(ms)
})
