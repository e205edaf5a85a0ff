import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { PROBLEMS } from '../../src/http/problem.ts'

const PAGE = new URL('../../docs/reference/errors.md', import.meta.url)

test('the page of errors has one entry for every code, with its status, and no other', async () => {
  const page = await readFile(PAGE, 'utf8')
  const documented = [...page.matchAll(/^## `(\w+)` \((\d+)\)$/gm)].map(
    ([, code, status]) => `${code} ${status}`,
  )
  const answered = Object.entries(PROBLEMS).map(([code, { status }]) => `${code} ${status}`)
  expect(documented.sort()).toEqual(answered.sort())
})

test('every entry of the page says something', async () => {
  const page = await readFile(PAGE, 'utf8')
  for (const entry of page.split(/^## /m).slice(1)) {
    const [heading, ...text] = entry.split('\n')
    expect(text.join(' ').trim().length, heading).toBeGreaterThan(40)
  }
})
