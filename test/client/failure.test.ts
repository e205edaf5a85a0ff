import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FAILURE_CODES, RETRY_AFTER_MS_MAX, readRetryAfterMs } from '../../src/client/failure.ts'
import { UNEXPECTED_ANSWER } from '../../src/client/request-error.ts'
import { PROBLEMS } from '../../src/http/problem.ts'

const page = readFileSync(new URL('../../docs/reference/client.md', import.meta.url), 'utf8')

test('the reference explains every failure, and no other', () => {
  const [, table = ''] = /^\| `failure\.code` \|.*\n\|.*\n((?:\|.*\n)+)/m.exec(page) ?? []
  const documented = [...table.matchAll(/^\| `(\w+)` \| .{10}/gm)].map(([, code]) => code)
  expect(documented).toEqual(FAILURE_CODES)
})

test('the code for a reply without one is explained, and no node answers with it', () => {
  expect(page).toContain(`\`${UNEXPECTED_ANSWER}\``)
  expect(Object.keys(PROBLEMS)).not.toContain(UNEXPECTED_ANSWER)
})

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
