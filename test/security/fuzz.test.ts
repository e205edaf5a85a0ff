import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { corpus, keep, search, TARGETS } from './fuzz/search.ts'
import type { Target } from './fuzz/target.ts'

const CORPUS = new URL('./corpus', import.meta.url).pathname

// `npm run fuzz -- --minutes 10` searches further. What it finds is kept in `corpus/`, and tried here for ever.

test('what failed once does not fail again', async () => {
  for (const [file, { target: name, input }] of corpus(CORPUS)) {
    const target = TARGETS.find((candidate) => candidate.name === name)
    expect(await target?.judge(input), file).toEqual([])
  }
})

describe('inputs that are almost right', () => {
  test.each(TARGETS)('do not fail: $name', async (target) => {
    expect(await search(target, 1, 500)).toBeUndefined()
  })
})

test('an input that fails is found, made small, kept, and read again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-fuzz-'))
  const planted: Target<readonly number[]> = {
    name: 'planted',
    inputs: fc.array(fc.nat(1_000), { maxLength: 50 }),
    judge: async (numbers) => (numbers.some((number) => number > 700) ? ['above 700'] : []),
  }
  const found = await search(planted, 1, 500)
  expect(found).toEqual({ target: 'planted', input: [701], found: 'above 700' })
  if (found !== undefined) keep(found, folder)
  expect(corpus(folder).map(([, kept]) => kept)).toEqual([found])
  rmSync(folder, { recursive: true })
})
