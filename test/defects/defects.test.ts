import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SCENARIOS } from '../../sim/scenarios/all.ts'
import { DEFECTS } from './all.ts'
import { edited, planted } from './defect.ts'
import { listedIn, withTable } from './docs-table.ts'
import { rowOf } from './report.ts'

const read = (path: string) => readFileSync(join(process.cwd(), path), 'utf8')

describe('every defect', () => {
  test('has a name of its own', () => {
    expect(new Set(DEFECTS.map(({ name }) => name)).size).toBe(DEFECTS.length)
  })

  test.each(DEFECTS)('$name still applies to the sources', (defect) => {
    const texts = planted(defect, process.cwd())
    expect(texts.size).toBeGreaterThan(0)
    for (const [file, text] of texts) expect(text).not.toBe(read(file))
  })

  test.each(DEFECTS)('$name is looked for in scenarios that there are', ({ scenarios }) => {
    expect(SCENARIOS.map(({ name }) => name)).toEqual(expect.arrayContaining([...scenarios]))
  })

  test('is in the table of the guarantees, as caught', () => {
    const wanted = DEFECTS.map(({ name }) => ({ name, caught: true }))
    expect(listedIn(read('docs/guarantees.md'))).toEqual(wanted)
  })
})

describe('an edit', () => {
  const edit = { file: 'a.ts', find: 'level', replace: '$& and' }

  test('is made as written', () => {
    expect(edited('the level', edit)).toBe('the $& and')
  })

  test.each(['nothing', 'level by level'])('of %j is refused loudly', (text) => {
    expect(() => edited(text, edit)).toThrow(/no longer applies: a\.ts has (0|2) times/)
  })
})

describe('the table', () => {
  const trial = { name: 'swarm', seed: 7 }
  const violation = { invariant: 9, oracle: 'some oracle', atMs: 1, what: 'x' }
  const rows = [[{ trial, violation }], []].map((found, index) => {
    const defect = { name: `defect-${index}`, breaks: 'a | b', edits: [], scenarios: [] }
    return rowOf({ defect, hunted: { found, runs: 3, unsound: [] }, tookMs: 1 })
  })
  const page = 'before\n<!-- defects:begin -->\nold\n<!-- defects:end -->\nafter'

  test('replaces what is between its marks, and nothing else', () => {
    const text = withTable(page, rows)
    expect(text).toMatch(
      /^before\n<!--[\s\S]*9: some oracle \| swarm, seed 7 \| 3 \|[\s\S]*-->\nafter$/,
    )
    expect(text).not.toContain('old')
  })

  test('can be read back', () => {
    expect(listedIn(withTable(page, rows))).toEqual([
      { name: 'defect-0', caught: true },
      { name: 'defect-1', caught: false },
    ])
  })

  test('needs its marks', () => {
    expect(() => withTable('a page', rows)).toThrow('defects:begin')
  })
})
