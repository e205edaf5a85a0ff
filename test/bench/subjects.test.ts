import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { SUBJECTS } from '../../bench/subjects.ts'

test('the README lists every subject, in the order of the report', () => {
  const readme = readFileSync(resolve(import.meta.dirname, '../../bench/README.md'), 'utf8')
  const listed = [...readme.matchAll(/^\| `([a-z]+)`/gm)].map(([, name]) => name)
  expect(listed).toEqual(SUBJECTS.map(({ name }) => name))
})

test('no two rows have one name', () => {
  const names = SUBJECTS.flatMap(({ rows }) => rows.map(({ name }) => name))
  expect(new Set(names).size).toBe(names.length)
})
